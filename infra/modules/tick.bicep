metadata name = 'Tick'
metadata description = 'Starts overdue hunts every 15 minutes, in case a timer of the platform stops firing.'

import { identity } from 'types.bicep'

@description('Prefix of every resource name.')
param prefix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('The Logic App\'s identity.')
param caller identity

@description('Name of the app.')
param appName string

@description('Address of the app.')
param appUrl string

@description('Audience of the Entra token that the app requires; empty when it requires none.')
param audience string

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

// A child that the package creates. Azure accepts a role assignment on it before that.
resource tickFunction 'Microsoft.Web/sites/functions@2025-03-01' existing = {
  parent: app
  name: 'start_overdue_hunts'
}

// The role reads the key of one function. The workflow reads it at each run and stores none.
resource keyReader 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(app.id, 'function-key-reader')
  properties: {
    roleName: 'Huntline function key reader (${appName})'
    description: 'Reads the key of one function, to call it.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [{ actions: ['Microsoft.Web/sites/functions/listkeys/action'], notActions: [] }]
  }
}

resource callerReadsKeys 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: tickFunction
  name: guid(app.id, caller.id, 'function-key-reader')
  properties: {
    roleDefinitionId: keyReader.id
    principalId: caller.principalId
    principalType: 'ServicePrincipal'
  }
}

var token = empty(audience)
  ? {}
  : { authentication: { type: 'ManagedServiceIdentity', identity: caller.id, audience: audience } }

var keysUrl = '${environment().resourceManager}${substring(tickFunction.id, 1)}/listkeys?api-version=2025-03-01'

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: 'logic-${prefix}-tick'
  location: location
  tags: tags
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${caller.id}': {} } }
  properties: {
    state: 'Enabled'
    definition: {
      '$schema': 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#'
      contentVersion: '1.0.0.0'
      triggers: {
        every_15_minutes: {
          type: 'Recurrence'
          recurrence: { frequency: 'Minute', interval: 15 }
          runtimeConfiguration: { concurrency: { runs: 1 } }
        }
      }
      actions: {
        read_key: {
          type: 'Http'
          inputs: {
            method: 'POST'
            uri: keysUrl
            authentication: {
              type: 'ManagedServiceIdentity'
              identity: caller.id
              audience: environment().resourceManager
            }
          }
          runtimeConfiguration: { secureData: { properties: ['inputs', 'outputs'] } }
        }
        tick: {
          type: 'Http'
          runAfter: { read_key: ['Succeeded'] }
          inputs: union(
            {
              method: 'POST'
              uri: '${appUrl}/api/hunts/tick'
              headers: { 'content-type': 'application/json', 'x-functions-key': '@{body(\'read_key\')?[\'default\']}' }
              body: {}
            },
            token
          )
          runtimeConfiguration: { secureData: { properties: ['inputs'] } }
        }
      }
    }
  }
}

@description('Resource id of the workflow.')
output id string = workflow.id
