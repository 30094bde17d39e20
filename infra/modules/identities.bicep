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

resource hunting 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-hunting'
  location: location
  tags: tags
}

resource response 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-response'
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
output hunting identity = {
  id: hunting.id
  clientId: hunting.properties.clientId
  principalId: hunting.properties.principalId
}

@description('Acts on alerts: reads secrets, and calls Cloud Apps where tokens are used.')
output response identity = {
  id: response.id
  clientId: response.properties.clientId
  principalId: response.properties.principalId
}

@description('The Logic App that drives overdue hunts.')
output tick identity = {
  id: tick.id
  clientId: tick.properties.clientId
  principalId: tick.properties.principalId
}
