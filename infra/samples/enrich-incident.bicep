metadata name = 'Enrich an incident'
metadata description = 'A Sentinel playbook that looks up every file hash of an incident in Huntline and adds the results as a comment.'
metadata title = 'Huntline: enrich an incident'
metadata prerequisites = [
  'Huntline in this resource group, and a function key for this caller in its vault (infra/samples/README.md).'
]
metadata postDeployment = [
  'In Sentinel, grant the resource group under Settings, Playbook permissions.'
  'Create an automation rule that runs the playbook when an incident is created.'
]
metadata lastUpdateTime = '2026-12-01T00:00:00.000Z'
metadata entities = ['FileHash']
metadata tags = ['Enrichment']
metadata support = { tier: 'Community' }
metadata author = { name: 'Huntline' }
metadata releaseNotes = [
  { version: '1.0.0', title: 'First release', notes: ['Initial version.'] }
]

@description('Region of the workflow.')
param location string = resourceGroup().location

@description('Name of the workflow.')
param name string = 'logic-huntline-enrich-incident'

@description('Address of Huntline: output APP_URL of main.bicep.')
param appUrl string

@description('Name of Huntline\'s vault, in this resource group: output KEY_VAULT_NAME of main.bicep.')
param vaultName string

@description('Name of the secret in it that holds a function key for this caller.')
param keySecretName string = 'caller-key'

@description('Audience of the Entra token that Huntline also requires, api://<entraClientId>; empty when it requires none.')
param audience string = ''

@description('Name of the workspace with Sentinel.')
param workspaceName string

@description('Resource group of that workspace.')
param workspaceGroup string = resourceGroup().name

var token = empty(audience) ? {} : { authentication: { type: 'ManagedServiceIdentity', audience: audience } }
var vaultAudience = 'https://${substring(environment().suffixes.keyvaultDns, 1)}'
var retries = { type: 'exponential', interval: 'PT10S', count: 4, minimumInterval: 'PT5S', maximumInterval: 'PT2M' }

// Columns for each hash; a comment of Sentinel holds at most 30,000 characters.
var shownResults = 60

module connection 'modules/sentinel-connection.bicep' = {
  name: '${name}-connection'
  params: { name: '${name}-sentinel', location: location }
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: name
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    state: 'Enabled'
    parameters: { '$connections': { value: { azuresentinel: connection.outputs.reference } } }
    definition: {
      '$schema': 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#'
      contentVersion: '1.0.0.0'
      parameters: { '$connections': { type: 'Object', defaultValue: {} } }
      triggers: {
        incident: {
          type: 'ApiConnectionWebhook'
          inputs: {
            host: { connection: { name: '@parameters(\'$connections\')[\'azuresentinel\'][\'connectionId\']' } }
            path: '/incident-creation'
            body: { callback_url: '@{listCallbackUrl()}' }
          }
        }
      }
      actions: {
        read_key: {
          type: 'Http'
          runAfter: {}
          inputs: {
            method: 'GET'
            uri: '${vault.properties.vaultUri}secrets/${keySecretName}?api-version=7.4'
            authentication: { type: 'ManagedServiceIdentity', audience: vaultAudience }
            retryPolicy: retries
          }
          runtimeConfiguration: { secureData: { properties: ['inputs', 'outputs'] } }
        }
        // Returns 200, or 202 with a Location that this action polls at the interval of Retry-After until it returns 200.
        // The run's name is the Idempotency-Key, so a repeated request has no further effect.
        look_up: {
          type: 'Http'
          runAfter: { read_key: ['Succeeded'] }
          inputs: union(
            {
              method: 'POST'
              uri: '${appUrl}/api/files/stats'
              headers: {
                'content-type': 'application/json'
                'x-functions-key': '@{body(\'read_key\')?[\'value\']}'
                'idempotency-key': '@{workflow()[\'run\'][\'name\']}'
              }
              body: '@coalesce(triggerBody()?[\'object\']?[\'properties\']?[\'relatedEntities\'], createArray())'
              retryPolicy: retries
            },
            token
          )
          limit: { timeout: 'PT2H' }
          runtimeConfiguration: { secureData: { properties: ['inputs'] } }
        }
        when_something_was_asked: {
          type: 'If'
          runAfter: { look_up: ['Succeeded'] }
          expression: { greater: ['@length(body(\'look_up\')?[\'result\']?[\'results\'])', 0] }
          actions: {
            rows: {
              type: 'Select'
              runAfter: {}
              inputs: {
                from: '@take(body(\'look_up\')?[\'result\']?[\'results\'], ${shownResults})'
                select: {
                  Hash: '@item()?[\'hash\']'
                  Status: '@item()?[\'status\']'
                  'Devices here': '@item()?[\'statistics\']?[\'organizationPrevalence\']'
                  'Devices world-wide': '@item()?[\'statistics\']?[\'globalPrevalence\']'
                  'First seen here': '@item()?[\'statistics\']?[\'organizationFirstSeen\']'
                  Names: '@join(coalesce(item()?[\'statistics\']?[\'topFileNames\'], createArray()), \', \')'
                  'As of': '@item()?[\'asOf\']'
                }
              }
            }
            table: {
              type: 'Table'
              runAfter: { rows: ['Succeeded'] }
              inputs: { from: '@body(\'rows\')', format: 'HTML' }
            }
            comment: {
              type: 'ApiConnection'
              runAfter: { table: ['Succeeded'] }
              inputs: {
                host: { connection: { name: '@parameters(\'$connections\')[\'azuresentinel\'][\'connectionId\']' } }
                method: 'post'
                path: '/Incidents/Comment'
                body: {
                  incidentArmId: '@triggerBody()?[\'object\']?[\'id\']'
                  message: '<p>Huntline: @{body(\'look_up\')?[\'result\']?[\'summary\']?[\'found\']} known, @{body(\'look_up\')?[\'result\']?[\'summary\']?[\'notFound\']} unknown, @{body(\'look_up\')?[\'result\']?[\'summary\']?[\'failed\']} failed.</p>@{body(\'table\')}'
                }
              }
            }
          }
          else: { actions: {} }
        }
      }
    }
  }
}

module readsKey 'modules/key-reader.bicep' = {
  name: '${name}-reads-key'
  params: {
    vaultName: vaultName
    secretName: keySecretName
    workflowId: workflow.id
    principalId: workflow.identity.principalId
  }
}

module responds 'modules/sentinel-responder.bicep' = {
  name: '${name}-responds'
  scope: resourceGroup(workspaceGroup)
  params: {
    workspaceName: workspaceName
    workflowId: workflow.id
    principalId: workflow.identity.principalId
  }
}

@description('Resource id of the workflow, to choose in an automation rule.')
output workflowId string = workflow.id
