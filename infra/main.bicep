metadata name = 'Huntline'
metadata description = 'Deploys Huntline into one resource group. No parameter or output is a secret: secrets are created in the vault afterwards.'

targetScope = 'resourceGroup'

import { caller, limits, tenants as tenantSettings, webhookSources } from 'modules/types.bicep'

@description('Region of every resource.')
param location string = resourceGroup().location

@description('Prefix of every resource name: lower-case letters, digits and hyphens.')
@minLength(3)
@maxLength(16)
param prefix string = 'huntline'

@description('Tags of every resource, in addition to those that Huntline sets.')
param tags { *: string } = {}

@description('Name of the azd environment; empty outside of azd.')
param environmentName string = ''

@description('Tenant whose Defender is used.')
@minLength(36)
@maxLength(36)
param tenantId string = tenant().tenantId

@description('National cloud of that tenant.')
param cloud 'public' | 'gcc' | 'gcchigh' | 'dod' = 'public'

@description('Address of Defender for Cloud Apps, from the portal\'s Settings, Cloud Apps, About: https://<tenant>.<region>.portal.cloudappsecurity.com.')
@minLength(20)
@maxLength(120)
param cloudAppsUrl string

@description('How the app authenticates to Cloud Apps: by a token of its portal, stored in the vault, or by its own identity.')
param cloudAppsAuth 'token' | 'oauth' = 'token'

@description('Hunting back-end. The Defender API and its 2017 version retire on 1 February 2027.')
param huntingApi 'graph' | 'defender' | 'legacy' = 'graph'

@description('Region of the Defender API; empty for the nearest.')
param defenderGeo '' | 'us' | 'eu' | 'uk' | 'au' | 'swa' | 'ina' | 'aea' = ''

@description('Host of the 2017 API; only for huntingApi legacy.')
param legacyHuntingHost 'api' | 'api-us' | 'api-eu' | 'api-uk' = 'api'

@description('App registration that requests tokens instead of the identities, for example in another tenant; empty for none.')
param appClientId string = ''

@description('How that app authenticates: by a secret in the vault, or federated with the identities.')
param appCredential '' | 'secret' | 'federated' = ''

@description('Limits and cache times; members that are left out keep their default.')
param tuning limits = {}

@description('Days that an export is kept: 0 for ever, else at least 35.')
@minValue(0)
@maxValue(3650)
param keepExportsDays int = 0

@description('Days during which an audit record cannot be changed or deleted.')
@minValue(1)
@maxValue(146000)
param auditImmutableDays int = 365

@description('True to recover the key vault of a former deployment, which was deleted less than 90 days ago.')
param recoverVault bool = false

@description('Https address of a release\'s huntline.zip that is deployed after the resources; empty where azd, a pipeline or a person deploys it. The app roles must be granted first: tokens without them are cached for up to 24 hours.')
param packageUri string = ''

@description('Replication of the storage accounts.')
param storageSku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_GZRS' = 'Standard_ZRS'

@description('Version of Node.')
param nodeVersion '22' | '24' = '24'

@description('Memory of an instance, MB.')
param instanceMemoryMB 512 | 2048 | 4096 = 2048

@description('Maximum instances of one function group. API limits do not depend on it: they are counted over all instances.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('True to spread instances over zones, where the region has them.')
param zoneRedundant bool = false

@description('`public`: storage and vault accept identities from the internet. `private`: only from the app\'s own network.')
param networkProfile 'public' | 'private' = 'public'

@description('Address space of the private profile, a /24 or larger.')
param addressSpace string = '10.77.0.0/24'

@description('Private profile: address ranges from which operators reach the vault.')
param operatorRanges string[] = []

@description('Networks that may call the HTTP endpoints; empty for all, with a key or token.')
param callers caller[] = []

@description('Workspace id (GUID) of the Sentinel workspace that hunting queries read; empty for the tenant\'s primary one.')
param workspaceId string = ''

@description('Address of the app as callers see it, such as https://huntline.contoso.com; empty for the app\'s own host.')
param publicUrl string = ''

@description('Client id of the app registration that callers request tokens for; empty to use function keys only.')
param entraClientId string = ''

@description('Client ids of the applications that may call with such a token.')
param entraCallers string[] = []

@description('Client id of the console\'s app registration; empty where the console uses function keys only. Requires entraClientId.')
param consoleClientId string = ''

@description('Webhook sources, such as { sentinel: { auth: \'entra\', audience: \'api://…\', callers: [\'…\'] } }; shared/webhooks/README.md has all keys.')
param webhooks webhookSources = {}

@description('Further Entra tenants by name, such as { contoso: { tenantId: \'…\' } }; this deployment\'s own tenant is named default.')
param tenants tenantSettings = {}

@description('True when the package contains the further tenants as tenants.json, because they do not fit a setting.')
param tenantsInPackage bool = false

@description('Object id of a group that may read the exports; empty for none.')
param readersGroupId string = ''

@description('Object id of the principal that creates the secrets after provisioning; empty for none.')
param operatorPrincipalId string = ''

@description('Type of that principal.')
param operatorPrincipalType 'User' | 'ServicePrincipal' | 'Group' = 'User'

@description('Addresses that receive alert mails.')
param alertEmails string[] = []

@description('Days telemetry is kept.')
@minValue(30)
@maxValue(730)
param retentionDays int = 90

@description('Gigabytes of telemetry a day after which ingestion stops; -1 for no limit.')
@minValue(-1)
@maxValue(1000)
param dailyCapGb int = 5

@secure()
@description('Https address that Event Grid notifies of each new export; empty for none.')
param exportWebhook string = ''

var token = uniqueString(resourceGroup().id, prefix)
var short = take(toLower(replace(prefix, '-', '')), 6)
var isPrivate = networkProfile == 'private'
var allTags = union(
  tags,
  { application: 'huntline' },
  empty(environmentName) ? {} : { 'azd-env-name': environmentName }
)

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: { prefix: prefix, location: location, tags: allTags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    prefix: prefix
    location: location
    tags: allTags
    retentionDays: retentionDays
    dailyCapGb: dailyCapGb
    alertEmails: alertEmails
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  name: 'host-storage'
  params: {
    name: '${short}host${token}'
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: isPrivate
    workspaceId: monitoring.outputs.workspaceId
  }
}

module dataStorage 'modules/data-storage.bicep' = {
  name: 'data-storage'
  params: {
    name: '${short}data${token}'
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: isPrivate
    workspaceId: monitoring.outputs.workspaceId
    keepExportsDays: keepExportsDays
    auditImmutableDays: auditImmutableDays
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: 'kv-${short}-${token}'
    location: location
    tags: allTags
    isPrivate: isPrivate
    recover: recoverVault
    operatorRanges: operatorRanges
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: monitoring.outputs.actionGroupId
  }
}

module network 'modules/network.bicep' = if (isPrivate) {
  name: 'network'
  params: { prefix: prefix, location: location, tags: allTags, addressSpace: addressSpace }
}

module privateEndpoints 'modules/private-endpoints.bicep' = if (isPrivate) {
  name: 'private-endpoints'
  params: {
    prefix: prefix
    location: location
    tags: allTags
    networkId: network!.outputs.networkId
    subnetId: network!.outputs.endpointSubnetId
    hostStorageId: hostStorage.outputs.id
    dataStorageId: dataStorage.outputs.id
    vaultId: vault.outputs.id
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  params: {
    hostStorageName: hostStorage.outputs.name
    dataStorageName: dataStorage.outputs.name
    containers: dataStorage.outputs.containers
    workedQueues: dataStorage.outputs.workedQueues
    resultsQueue: dataStorage.outputs.resultsQueue
    vaultName: vault.outputs.name
    insightsName: monitoring.outputs.insightsName
    hostPrincipalId: identities.outputs.host.principalId
    responsePrincipalId: identities.outputs.response.principalId
    readersGroupId: readersGroupId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
  }
}

// After the role assignments: an app that starts without them retries only after minutes.
module app 'modules/app.bicep' = {
  name: 'app'
  params: {
    prefix: prefix
    name: 'func-${prefix}-${token}'
    location: location
    tags: allTags
    host: identities.outputs.host
    hunting: identities.outputs.hunting
    response: identities.outputs.response
    tickClientId: identities.outputs.tick.clientId
    hostBlobUrl: hostStorage.outputs.blobUrl
    hostQueueUrl: hostStorage.outputs.queueUrl
    packageUrl: hostStorage.outputs.packageUrl
    dataBlobUrl: dataStorage.outputs.blobUrl
    dataQueueUrl: dataStorage.outputs.queueUrl
    vaultUrl: vault.outputs.url
    insightsConnectionString: monitoring.outputs.connectionString
    nodeVersion: nodeVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    zoneRedundant: zoneRedundant
    subnetId: isPrivate ? network!.outputs.appSubnetId : ''
    callers: callers
    tenantId: tenantId
    cloud: cloud
    huntingApi: huntingApi
    defenderGeo: defenderGeo
    legacyHuntingHost: legacyHuntingHost
    cloudAppsUrl: cloudAppsUrl
    cloudAppsAuth: cloudAppsAuth
    appClientId: appClientId
    appCredential: appCredential
    tuning: tuning
    workspaceId: workspaceId
    publicUrl: publicUrl
    entraClientId: entraClientId
    entraCallers: entraCallers
    consoleClientId: consoleClientId
    webhooks: webhooks
    tenants: tenants
    tenantsInPackage: tenantsInPackage
    packageUri: packageUri
  }
  dependsOn: [access, privateEndpoints]
}

module tick 'modules/tick.bicep' = {
  name: 'tick'
  params: {
    prefix: prefix
    location: location
    tags: allTags
    caller: identities.outputs.tick
    appName: app.outputs.name
    appUrl: app.outputs.url
    audience: empty(entraClientId) ? '' : 'api://${entraClientId}'
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    prefix: prefix
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: monitoring.outputs.actionGroupId
    hunts: loadJsonContent('hunts.json')
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: { location: location, tags: allTags, workspaceId: monitoring.outputs.workspaceId }
}

module exportEvents 'modules/export-events.bicep' = if (!empty(exportWebhook)) {
  name: 'export-events'
  params: {
    location: location
    tags: allTags
    dataStorageName: dataStorage.outputs.name
    endpoint: exportWebhook
  }
}

@description('Name of the resource group; azd reads it.')
output AZURE_RESOURCE_GROUP string = resourceGroup().name

@description('Name of the function app; the deploy workflow and azd deploy to it.')
output APP_NAME string = app.outputs.name

@description('Address of the function app.')
output APP_URL string = app.outputs.url

@description('Name of the vault that holds the secrets.')
output KEY_VAULT_NAME string = vault.outputs.name

@description('Name of the data storage account.')
output DATA_STORAGE_NAME string = dataStorage.outputs.name

@description('Object id of the identity that needs ThreatHunting.Read.All and File.Read.All.')
output HUNTING_PRINCIPAL_ID string = identities.outputs.hunting.principalId

@description('Object id of the identity that needs Investigation.manage when cloudAppsAuth is oauth.')
output RESPONSE_PRINCIPAL_ID string = identities.outputs.response.principalId
