metadata name = 'Function app'
metadata description = 'The Flex Consumption plan and the app: identities instead of keys, https only, every setting of shared/runtime/settings.ts.'

import { caller, identity, limits, tenants as tenantSettings, webhookSources } from 'types.bicep'

@description('Prefix of every resource name.')
param prefix string

@description('Name of the app; globally unique.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('The identity that runs the host.')
param host identity

@description('The identity for hunting and file statistics.')
param hunting identity

@description('The identity that closes alerts and reads secrets.')
param response identity

@description('Client id of the identity that calls `tick`.')
param tickClientId string

@description('Address of the host\'s blobs.')
param hostBlobUrl string

@description('Address of the host\'s queues.')
param hostQueueUrl string

@description('Address of the container that holds the package.')
param packageUrl string

@description('Address of the data blobs.')
param dataBlobUrl string

@description('Address of the data queues.')
param dataQueueUrl string

@description('Address of the vault.')
param vaultUrl string

@description('Connection string of Application Insights.')
param insightsConnectionString string

@description('Version of Node.')
param nodeVersion string

@description('Memory of an instance, MB.')
param instanceMemoryMB int

@description('Maximum instances of one function group.')
param maximumInstanceCount int

@description('True to spread instances over zones.')
param zoneRedundant bool

@description('Subnet of the app; empty in the public profile.')
param subnetId string

@description('Networks that may call the HTTP endpoints; empty for all, with a key or token.')
param callers caller[]

@description('Tenant whose Defender is used.')
param tenantId string

@description('National cloud of that tenant.')
param cloud string

@description('Back-end of the hunts.')
param huntingApi string

@description('Region of the Defender API; empty for the nearest.')
param defenderGeo string

@description('Host of the 2017 API.')
param legacyHuntingHost string

@description('Address of Cloud Apps.')
param cloudAppsUrl string

@description('How the app authenticates to Cloud Apps.')
param cloudAppsAuth string

@description('App registration that requests tokens instead of the identities; empty for none.')
param appClientId string

@description('How that app authenticates; empty for none.')
param appCredential string

@description('Limits and cache times.')
param tuning limits

@description('Sentinel workspace that hunting queries read; empty for the tenant\'s primary one.')
param workspaceId string

@description('Address of the app as callers see it; empty for the app\'s own host.')
param publicUrl string

@description('Client id of the app registration that callers request tokens for; empty to use function keys only.')
param entraClientId string

@description('Client ids of the applications that may call, in addition to the Logic App of this deployment.')
param entraCallers string[]

@description('Client id of the console\'s app registration, a single-page application; empty where the console uses function keys only.')
param consoleClientId string

@description('Webhook sources by their name in the address.')
param webhooks webhookSources

@description('Further Entra tenants by name.')
param tenants tenantSettings

@description('True when the package contains them as tenants.json.')
param tenantsInPackage bool

@description('Https address of the package to deploy; empty for none.')
param packageUri string

// Flex Consumption refuses some settings (runtime, version and package are properties); a test has the list.
var platformSettings = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${host.clientId};Authorization=AAD'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  AzureWebJobsStorage__blobServiceUri: hostBlobUrl
  AzureWebJobsStorage__clientId: host.clientId
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__queueServiceUri: hostQueueUrl
  DataStorage__blobServiceUri: dataBlobUrl
  DataStorage__clientId: host.clientId
  DataStorage__credential: 'managedidentity'
  DataStorage__queueServiceUri: dataQueueUrl
  // Bytes; larger bodies are refused before they are buffered. Twice the app's own limit, which it explains.
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '2097152'
}

var appSettings = {
  TENANT_ID: tenantId
  CLOUD: cloud
  HUNTING_API: huntingApi
  DEFENDER_GEO: defenderGeo
  LEGACY_HUNTING_HOST: legacyHuntingHost
  HUNTING_IDENTITY_CLIENT_ID: hunting.clientId
  RESPONSE_IDENTITY_CLIENT_ID: response.clientId
  ENTRA_CLIENT_ID: entraClientId
  CONSOLE_CLIENT_ID: consoleClientId
  APP_CLIENT_ID: appClientId
  APP_CREDENTIAL: appCredential
  WORKSPACE_ID: workspaceId
  PUBLIC_URL: publicUrl
  KEY_VAULT_URL: vaultUrl
  CLOUD_APPS_URL: cloudAppsUrl
  CLOUD_APPS_AUTH: cloudAppsAuth
  FOUND_CACHE_HOURS: string(tuning.?foundCacheHours ?? 6)
  NOT_FOUND_CACHE_HOURS: string(tuning.?notFoundCacheHours ?? 1)
  BULK_LOOKUP_THRESHOLD: string(tuning.?bulkLookupThreshold ?? 200)
  HUNTING_CALLS_PER_MINUTE: string(tuning.?huntingCallsPerMinute ?? 45)
  HUNTING_CALLS_PER_HOUR: string(tuning.?huntingCallsPerHour ?? 1500)
  HUNTING_QUOTA_SHARE: tuning.?huntingQuotaShare ?? '0.5'
  FILES_CALLS_PER_MINUTE: string(tuning.?filesCallsPerMinute ?? 100)
  FILES_CALLS_PER_HOUR: string(tuning.?filesCallsPerHour ?? 1500)
  CLOUD_APPS_CALLS_PER_MINUTE: string(tuning.?cloudAppsCallsPerMinute ?? 30)
  MAX_ALERTS_PER_SOURCE_PER_DAY: string(tuning.?maxAlertsPerSourcePerDay ?? 20000)
  MAX_UNSEALED_ALERTS_PER_DAY: string(tuning.?maxUnsealedAlertsPerDay ?? 1000)
  PERSONAL_DATA_DAYS: string(tuning.?personalDataDays ?? 90)
  ALLOW_UNSEALED_VERDICTS: string(tuning.?allowUnsealedVerdicts ?? true)
  WEBHOOKS: string(webhooks)
  TENANTS: tenantsInPackage ? 'file:tenants.json' : string(tenants)
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${prefix}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'huntline' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${host.id}': {}, '${hunting.id}': {}, '${response.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    clientAffinityEnabled: false
    httpsOnly: true
    keyVaultReferenceIdentity: response.id
    publicNetworkAccess: 'Enabled'
    #disable-next-line BCP037 // documented site property that the published types lack
    functionsRuntimeAdminIsolationEnabled: true
    sshEnabled: false
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      cors: { allowedOrigins: [], supportCredentials: false }
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      remoteDebuggingEnabled: false
      scmMinTlsVersion: '1.2'
      ipSecurityRestrictionsDefaultAction: empty(callers) ? 'Allow' : 'Deny'
      ipSecurityRestrictions: [
        for (each, i) in empty(callers) ? [] : concat(callers, [{ name: 'tick', range: 'LogicApps', kind: 'ServiceTag' }]): {
          action: 'Allow'
          ipAddress: each.range
          name: each.name
          priority: 100 + i
          tag: each.kind
        }
      ]
      scmIpSecurityRestrictionsDefaultAction: 'Allow'
      scmIpSecurityRestrictionsUseMain: false
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: host.id
          }
        }
      }
      runtime: { name: 'node', version: nodeVersion }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(platformSettings, appSettings)
  }

  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource package 'extensions' = if (!empty(packageUri)) {
    name: 'onedeploy'
    #disable-next-line BCP187 // documented for Flex Consumption, and missing in the published types
    properties: { packageUri: packageUri, remoteBuild: false }
    dependsOn: [settings]
  }

  // Validates bearer tokens only, so no client secret is needed. Function keys are still required.
  resource entra 'config' = if (!empty(entraClientId)) {
    name: 'authsettingsV2'
    properties: {
      platform: { enabled: true, runtimeVersion: '~1' }
      globalValidation: {
        requireAuthentication: true
        unauthenticatedClientAction: 'Return401'
        excludedPaths: ['/api/health', '/api/console', '/api/console/*', '/api/jobs/*', '/api/webhooks/*']
      }
      httpSettings: { requireHttps: true }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: entraClientId
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenantId}/v2.0'
          }
          validation: {
            allowedAudiences: [entraClientId, 'api://${entraClientId}']
            defaultAuthorizationPolicy: {
              allowedApplications: concat(
                [tickClientId],
                entraCallers,
                empty(consoleClientId) ? [] : [consoleClientId]
              )
            }
          }
        }
      }
      login: { tokenStore: { enabled: false } }
    }
  }
}

@description('Resource id.')
output id string = app.id

@description('Name of the app.')
output name string = app.name

@description('Address of the app.')
output url string = 'https://${app.properties.defaultHostName}'
