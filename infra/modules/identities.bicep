metadata name = 'Identities'
metadata description = 'One identity for each duty of the app, so that roles and audit trails are separate.'

import { identity } from 'types.bicep'

@description('Prefix of every resource name.')
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

@description('Calls Defender for hunting and file statistics. It has no role in Azure.')
output hunting identity = {
  id: hunting.id
  clientId: hunting.properties.clientId
  principalId: hunting.properties.principalId
}

@description('Closes alerts: reads secrets and calls Cloud Apps.')
output response identity = {
  id: response.id
  clientId: response.properties.clientId
  principalId: response.properties.principalId
}

@description('The Logic App that starts overdue hunts.')
output tick identity = {
  id: tick.id
  clientId: tick.properties.clientId
  principalId: tick.properties.principalId
}
