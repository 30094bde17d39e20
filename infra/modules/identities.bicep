metadata name = 'Identities'
metadata description = 'Who the app is, by duty, so that audit trails and rights tell the duties apart.'

import { identity } from 'types.bicep'

@description('First letters of every name.')
param prefix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

resource host 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-host'
  location: location
  tags: tags
}

resource hunt 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-hunt'
  location: location
  tags: tags
}

resource act 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-act'
  location: location
  tags: tags
}

resource tick 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-tick'
  location: location
  tags: tags
}

@description('Runs the Functions host: storage, queues, telemetry.')
output host identity = {
  id: host.id
  clientId: host.properties.clientId
  principalId: host.properties.principalId
}

@description('Asks Defender: hunting and file information. It has no right in Azure at all.')
output hunt identity = {
  id: hunt.id
  clientId: hunt.properties.clientId
  principalId: hunt.properties.principalId
}

@description('Acts on alerts: reads secrets, and calls Cloud Apps where tokens are used.')
output act identity = {
  id: act.id
  clientId: act.properties.clientId
  principalId: act.properties.principalId
}

@description('The Logic App that drives overdue hunts.')
output tick identity = {
  id: tick.id
  clientId: tick.properties.clientId
  principalId: tick.properties.principalId
}
