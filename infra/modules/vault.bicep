metadata name = 'Key Vault'
metadata description = 'Huntline\'s own vault. The template sets no secret: secrets are created after provisioning.'

@description('Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('True when only private endpoints may connect.')
param isPrivate bool

@description('True to recover the deleted vault of this name.')
param recover bool

@description('Address ranges from which operators reach the private vault; empty for none.')
param operatorRanges string[]

@description('Resource id of the workspace that receives the logs.')
param workspaceId string

@description('Resource id of the action group for expiring secrets.')
param actionGroupId string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    createMode: recover ? 'recover' : 'default'
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enablePurgeProtection: true
    enableRbacAuthorization: true
    enableSoftDelete: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    softDeleteRetentionInDays: 90
    publicNetworkAccess: isPrivate && empty(operatorRanges) ? 'disabled' : 'enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      ipRules: map(operatorRanges, range => { value: range })
    }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

resource events 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-${name}'
  location: location
  tags: tags
  properties: { source: vault.id, topicType: 'Microsoft.KeyVault.vaults' }
}

resource expiry 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: events
  name: 'secret-expiry'
  properties: {
    destination: {
      endpointType: 'MonitorAlert'
      properties: {
        actionGroups: [actionGroupId]
        description: 'A secret of Huntline expires within 30 days, or has expired.'
        severity: 'Sev2'
      }
    }
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: ['Microsoft.KeyVault.SecretNearExpiry', 'Microsoft.KeyVault.SecretExpired']
    }
  }
}

@description('Resource id.')
output id string = vault.id

@description('Name of the vault.')
output name string = vault.name

@description('Address, without a trailing slash.')
output url string = 'https://${vault.name}${environment().suffixes.keyvaultDns}'
