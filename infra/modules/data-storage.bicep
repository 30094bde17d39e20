metadata name = 'Data storage'
metadata description = 'Huntline\'s data account: exports, state, audit log, dead letters and queues. It has no keys; roles are assigned per container and queue.'

@description('Name of the account.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Replication.')
param sku string

@description('True when only private endpoints may connect.')
param isPrivate bool

@description('Resource id of the workspace that receives the logs.')
param workspaceId string

@description('Days that an export is kept: 0 for ever, else at least 35, because a hunt\'s log must exceed the service\'s 30 days.')
param keepExportsDays int

@description('Days during which an audit record cannot be changed or deleted.')
@minValue(1)
@maxValue(146000)
param auditImmutableDays int

// The names are those of shared/storage/record-store.ts and shared/clients; a test compares them.
var containers = ['exports', 'state', 'dead-letters']
var queues = ['hunt-runs', 'file-lookups', 'alert-verdicts']

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    allowedCopyScope: 'AAD'
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    isSftpEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: { bypass: 'None', defaultAction: isPrivate ? 'Deny' : 'Allow' }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: { enabled: true, days: 30 }
    deleteRetentionPolicy: { enabled: true, days: 14 }
    isVersioningEnabled: true
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for each in containers: {
    parent: blobs
    name: each
    properties: { publicAccess: 'None' }
  }
]

resource audit 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: 'audit'
  properties: { publicAccess: 'None' }
}

// The policy is created unlocked. Locking is a separate, irreversible command (infra/README.md).
resource immutable 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = {
  parent: audit
  name: 'default'
  properties: {
    allowProtectedAppendWrites: false
    immutabilityPeriodSinceCreationInDays: auditImmutableDays
  }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {}
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [
  for each in queues: {
    parent: queueService
    name: each
  }
]

resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [
  for each in queues: {
    parent: queueService
    name: '${each}-poison'
  }
]

resource results 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = {
  parent: queueService
  name: 'hunt-results'
}

// These rules delete caches, receipts and records after their retention period. Quotas, leases, version starts,
// verdicts and the audit log have no rule: they are kept as long as the account.
var ages = [
  { name: 'cached-statistics', prefix: 'state/files/', days: 3 }
  { name: 'jobs', prefix: 'state/jobs/', days: 8 }
  { name: 'receipts', prefix: 'state/receipts/', days: 8 }
  { name: 'dead-letters', prefix: 'dead-letters/', days: 90 }
]

// Deleting a blob makes it a previous version, so the rule deletes the versions, too.
var exportDays = max(35, keepExportsDays)
var exportExpiry = {
  enabled: true
  name: 'exports'
  type: 'Lifecycle'
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: ['exports/'] }
    actions: {
      baseBlob: { delete: { daysAfterModificationGreaterThan: exportDays } }
      version: { delete: { daysAfterCreationGreaterThan: exportDays } }
    }
  }
}

var expiries = map(ages, age => {
  enabled: true
  name: age.name
  type: 'Lifecycle'
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: [age.prefix] }
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: age.days } } }
  }
})

// State is rewritten often; without this rule every version of every record would be kept.
var oldVersions = {
  enabled: true
  name: 'former-versions'
  type: 'Lifecycle'
  definition: {
    filters: { blobTypes: ['blockBlob'], prefixMatch: ['state/', 'dead-letters/'] }
    actions: { version: { delete: { daysAfterCreationGreaterThan: 14 } } }
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: { policy: { rules: concat(expiries, keepExportsDays == 0 ? [] : [exportExpiry], [oldVersions]) } }
  dependsOn: [blobs]
}

resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}

resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: queueService
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageWrite', enabled: true }]
  }
}

@description('Resource id.')
output id string = account.id

@description('Name of the account.')
output name string = account.name

@description('Address of its blobs.')
output blobUrl string = account.properties.primaryEndpoints.blob

@description('Address of its queues.')
output queueUrl string = account.properties.primaryEndpoints.queue

@description('Containers that the app reads and writes.')
output containers string[] = concat(containers, [audit.name])

@description('Queues that the app reads and writes, with their poison queues.')
output workedQueues string[] = concat(queues, map(queues, each => '${each}-poison'))

@description('Queue that the app only writes: one message for each new export.')
output resultsQueue string = results.name
