metadata name = 'Close an incident'
metadata description = 'A Sentinel playbook that closes the Cloud Apps alerts of an incident through Huntline, then the incident when every alert is closed.'
metadata title = 'Huntline: close an incident'
metadata prerequisites = [
  'Huntline in this resource group, and a function key for this caller in its vault (infra/samples/README.md).'
]
metadata postDeployment = [
  'In Sentinel, grant the resource group under Settings, Playbook permissions.'
  'Create an automation rule that runs the playbook when an incident is updated: tag added, or status changed to Closed.'
]
metadata lastUpdateTime = '2026-12-01T00:00:00.000Z'
metadata entities = []
metadata tags = ['Response']
metadata support = { tier: 'Community' }
metadata author = { name: 'Huntline' }
metadata releaseNotes = [
  { version: '1.0.0', title: 'First release', notes: ['Initial version.'] }
]

@description('Region of the workflow.')
param location string = resourceGroup().location

@description('Name of the workflow.')
param name string = 'logic-huntline-close-incident'

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

@description('Tags with which an analyst closes an open incident, and the classification of each.')
param tagsThatClose { *: string } = {
  'close-true-positive': 'TruePositive'
  'close-false-positive': 'FalsePositive'
  'close-benign-positive': 'BenignPositive'
}

var token = empty(audience) ? {} : { authentication: { type: 'ManagedServiceIdentity', audience: audience } }
var vaultAudience = 'https://${substring(environment().suffixes.keyvaultDns, 1)}'
var retries = { type: 'exponential', interval: 'PT10S', count: 4, minimumInterval: 'PT5S', maximumInterval: 'PT2M' }
var sentinel = '@parameters(\'$connections\')[\'azuresentinel\'][\'connectionId\']'
var incidentId = '@triggerBody()?[\'object\']?[\'id\']'
var properties = 'triggerBody()?[\'object\']?[\'properties\']'

// The verdict for each classification, and the classification that Sentinel requires for the incident.
var closings = {
  TruePositive: { verdict: { action: 'resolve' }, said: 'TruePositive - SuspiciousActivity' }
  FalsePositive: { verdict: { action: 'dismiss', reason: 'notAccurate' }, said: 'FalsePositive - InaccurateData' }
  BenignPositive: { verdict: { action: 'closeBenign', reason: 'other' }, said: 'BenignPositive - SuspiciousButExpected' }
}

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
            host: { connection: { name: sentinel } }
            path: '/incident-creation'
            body: { callback_url: '@{listCallbackUrl()}' }
          }
        }
      }
      actions: {
        closings: { type: 'Compose', runAfter: {}, inputs: closings }
        tags_that_close: { type: 'Compose', runAfter: {}, inputs: tagsThatClose }
        // The classifications of the incident's closing tags.
        tagged: {
          type: 'Select'
          runAfter: { tags_that_close: ['Succeeded'] }
          inputs: {
            from: '@coalesce(${properties}?[\'labels\'], createArray())'
            select: '@coalesce(outputs(\'tags_that_close\')?[item()?[\'labelName\']], \'\')'
          }
        }
        classified: {
          type: 'Query'
          runAfter: { tagged: ['Succeeded'] }
          inputs: { from: '@body(\'tagged\')', where: '@not(empty(item()))' }
        }
        // A closed incident has its own classification.
        closing: {
          type: 'Compose'
          runAfter: { closings: ['Succeeded'], classified: ['Succeeded'] }
          inputs: '@outputs(\'closings\')?[if(equals(${properties}?[\'status\'], \'Closed\'), coalesce(${properties}?[\'classification\'], \'\'), coalesce(first(body(\'classified\')), \'\'))]'
        }
        cloud_apps_alerts: {
          type: 'Query'
          runAfter: { closing: ['Succeeded'] }
          inputs: {
            from: '@coalesce(${properties}?[\'alerts\'], createArray())'
            where: '@contains(toLower(concat(coalesce(item()?[\'properties\']?[\'productName\'], \'\'), \' \', coalesce(item()?[\'properties\']?[\'productComponentName\'], \'\'))), \'cloud app\')'
          }
        }
        alert_ids: {
          type: 'Select'
          runAfter: { cloud_apps_alerts: ['Succeeded'] }
          inputs: {
            from: '@body(\'cloud_apps_alerts\')'
            select: '@item()?[\'properties\']?[\'providerAlertId\']'
          }
        }
        when_it_is_to_be_closed: {
          type: 'If'
          runAfter: { alert_ids: ['Succeeded'] }
          expression: {
            and: [
              { not: { equals: ['@outputs(\'closing\')', '@null'] } }
              { greater: ['@length(body(\'alert_ids\'))', 0] }
            ]
          }
          actions: {
            // When an action in this scope fails, the incident stays open.
            alerts: {
              type: 'Scope'
              runAfter: {}
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
                // Built once a run, so that a repeated request has the same id and no further effect.
                request: {
                  type: 'Compose'
                  runAfter: { read_key: ['Succeeded'] }
                  inputs: {
                    version: 1
                    id: 'sentinel-@{${properties}?[\'incidentNumber\']}-@{workflow()[\'run\'][\'name\']}'
                    alertIds: '@body(\'alert_ids\')'
                    comment: '@{take(concat(\'Sentinel incident \', ${properties}?[\'incidentNumber\'], \': \', ${properties}?[\'title\']), 1000)}'
                    requestedBy: '@{coalesce(${properties}?[\'owner\']?[\'userPrincipalName\'], \'sentinel\')}'
                    requestedAt: '@{trigger()?[\'startTime\']}'
                  }
                }
                ask_to_close: {
                  type: 'Http'
                  runAfter: { request: ['Succeeded'] }
                  inputs: union(
                    {
                      method: 'POST'
                      uri: '${appUrl}/api/alerts/verdicts'
                      headers: {
                        'content-type': 'application/json'
                        'x-functions-key': '@{body(\'read_key\')?[\'value\']}'
                      }
                      body: '@union(outputs(\'request\'), outputs(\'closing\')?[\'verdict\'])'
                      retryPolicy: retries
                    },
                    token
                  )
                  // The status address requires the key, so the loop below requests it with the key.
                  operationOptions: 'DisableAsyncPattern'
                  runtimeConfiguration: { secureData: { properties: ['inputs'] } }
                }
                until_settled: {
                  type: 'Until'
                  runAfter: { ask_to_close: ['Succeeded'] }
                  expression: '@not(equals(coalesce(body(\'status\')?[\'status\'], \'running\'), \'running\'))'
                  limit: { count: 360, timeout: 'PT4H' }
                  actions: {
                    pause: {
                      type: 'Wait'
                      runAfter: {}
                      inputs: { interval: { unit: 'Second', count: 15 } }
                    }
                    status: {
                      type: 'Http'
                      runAfter: { pause: ['Succeeded'] }
                      inputs: union(
                        {
                          method: 'GET'
                          uri: '${appUrl}/api/alerts/verdicts/@{outputs(\'request\')?[\'id\']}'
                          headers: { 'x-functions-key': '@{body(\'read_key\')?[\'value\']}' }
                          retryPolicy: retries
                        },
                        token
                      )
                      operationOptions: 'DisableAsyncPattern'
                      runtimeConfiguration: { secureData: { properties: ['inputs'] } }
                    }
                  }
                }
                left_open: {
                  type: 'Query'
                  runAfter: { until_settled: ['Succeeded'] }
                  inputs: {
                    from: '@coalesce(body(\'status\')?[\'result\']?[\'alerts\'], createArray())'
                    where: '@not(contains(createArray(\'closed\', \'alreadyClosed\'), item()?[\'outcome\']))'
                  }
                }
              }
            }
            outcomes: {
              type: 'Table'
              runAfter: { alerts: ['Succeeded', 'Failed', 'TimedOut'] }
              inputs: { from: '@coalesce(body(\'status\')?[\'result\']?[\'alerts\'], createArray())', format: 'HTML' }
            }
            // The incident is closed after its alerts, so a closed incident has no open alert.
            when_all_are_closed: {
              type: 'If'
              runAfter: { outcomes: ['Succeeded'] }
              expression: {
                and: [
                  { equals: ['@actions(\'alerts\')?[\'status\']', 'Succeeded'] }
                  { equals: ['@body(\'status\')?[\'status\']', 'succeeded'] }
                  { equals: ['@length(coalesce(body(\'left_open\'), createArray(\'unknown\')))', 0] }
                ]
              }
              actions: {
                close_incident: {
                  type: 'ApiConnection'
                  runAfter: {}
                  inputs: {
                    host: { connection: { name: sentinel } }
                    method: 'put'
                    path: '/Incidents'
                    body: {
                      incidentArmId: incidentId
                      status: 'Closed'
                      classification: {
                        ClassificationAndReason: '@outputs(\'closing\')?[\'said\']'
                        ClassificationReasonText: 'Huntline closed @{length(body(\'alert_ids\'))} Cloud Apps alerts.'
                      }
                    }
                  }
                }
              }
              else: {
                actions: {
                  keep_incident_open: {
                    type: 'ApiConnection'
                    runAfter: {}
                    inputs: {
                      host: { connection: { name: sentinel } }
                      method: 'put'
                      path: '/Incidents'
                      body: { incidentArmId: incidentId, status: 'Active' }
                    }
                  }
                }
              }
            }
            comment: {
              type: 'ApiConnection'
              runAfter: { when_all_are_closed: ['Succeeded', 'Failed'] }
              inputs: {
                host: { connection: { name: sentinel } }
                method: 'post'
                path: '/Incidents/Comment'
                body: {
                  incidentArmId: incidentId
                  message: '<p>Huntline, verdict @{outputs(\'request\')?[\'id\']}: @{length(coalesce(body(\'left_open\'), body(\'alert_ids\')))} of @{length(body(\'alert_ids\'))} Cloud Apps alerts could not be closed. @{body(\'ask_to_close\')?[\'detail\']}</p>@{body(\'outcomes\')}'
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
