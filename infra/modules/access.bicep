metadata name = 'Access'
metadata description = 'Assigns every Azure role that Huntline has.'

@description('Name of the host\'s storage account.')
param hostStorageName string

@description('Name of the data storage account.')
param dataStorageName string

@description('Containers that the app reads and writes.')
param containers string[]

@description('Queues that the app reads and writes.')
param workedQueues string[]

@description('Queue that the app only writes.')
param resultsQueue string

@description('Name of the vault.')
param vaultName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Object id of the identity that runs the host.')
param hostPrincipalId string

@description('Object id of the identity that closes alerts and reads secrets.')
param responsePrincipalId string

@description('Object id of a group that may read exports; empty for none.')
param readersGroupId string

@description('Object id of the principal that creates the secrets; empty for none.')
param operatorPrincipalId string

@description('Type of that principal.')
param operatorPrincipalType string

// Built-in roles.
var blobDataOwner = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
)
var blobDataContributor = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
)
var blobDataReader = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
)
var queueDataContributor = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
)
var queueMessageSender = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
)
var secretsUser = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '4633458b-17de-408a-b874-0445c86b69e6'
)
var secretsOfficer = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
)
var metricsPublisher = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '3913510d-42f4-4e42-8a64-420c390055eb'
)

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostStorageName
}

resource dataStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataStorageName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }

  resource queues 'queueServices' existing = {
    name: 'default'
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [
  for each in containers: {
    parent: dataStorage::blobs
    name: each
  }
]

resource worked 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = [
  for each in workedQueues: {
    parent: dataStorage::queues
    name: each
  }
]

resource results 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  parent: dataStorage::queues
  name: resultsQueue
}

resource exports 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: dataStorage::blobs
  name: 'exports'
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// The platform requires Owner here: it takes leases, stores function keys and mounts the package.
resource hostOwnsItsStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage
  name: guid(hostStorage.id, hostPrincipalId, blobDataOwner)
  properties: {
    roleDefinitionId: blobDataOwner
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource hostWritesContainer 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (each, i) in containers: {
    scope: container[i]
    name: guid(dataStorage.id, each, hostPrincipalId, blobDataContributor)
    properties: {
      roleDefinitionId: blobDataContributor
      principalId: hostPrincipalId
      principalType: 'ServicePrincipal'
    }
  }
]

// Message Processor is not enough: a long run renews its message, which requires the right to write.
resource hostWorksQueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (each, i) in workedQueues: {
    scope: worked[i]
    name: guid(dataStorage.id, each, hostPrincipalId, queueDataContributor)
    properties: {
      roleDefinitionId: queueDataContributor
      principalId: hostPrincipalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource hostAnnouncesResults 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: results
  name: guid(results.id, hostPrincipalId, queueMessageSender)
  properties: {
    roleDefinitionId: queueMessageSender
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource hostPublishesTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, hostPrincipalId, metricsPublisher)
  properties: {
    roleDefinitionId: metricsPublisher
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource responseReadsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, responsePrincipalId, secretsUser)
  properties: {
    roleDefinitionId: secretsUser
    principalId: responsePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource readersReadExports 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(readersGroupId)) {
  scope: exports
  name: guid(exports.id, readersGroupId, blobDataReader)
  properties: {
    roleDefinitionId: blobDataReader
    principalId: readersGroupId
    principalType: 'Group'
  }
}

resource operatorMakesSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorPrincipalId)) {
  scope: vault
  name: guid(vault.id, operatorPrincipalId, secretsOfficer)
  properties: {
    roleDefinitionId: secretsOfficer
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
  }
}
