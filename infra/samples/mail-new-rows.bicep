metadata name = 'Mail new rows'
metadata description = 'Mails the new rows of one hunt: polls its exports, reads the rows of each new export and sends them by Microsoft Graph.'
metadata title = 'Huntline: mail new rows'
metadata prerequisites = [
  'Huntline, and a function key for this caller (infra/samples/README.md).'
]
metadata postDeployment = [
  'Grant the workflow\'s identity (output principalId) the app role Mail.Send of Microsoft Graph, limited to the one mailbox.'
]
metadata lastUpdateTime = '2026-12-01T00:00:00.000Z'
metadata entities = []
metadata tags = ['Notification']
metadata support = { tier: 'Community' }
metadata author = { name: 'Huntline' }
metadata releaseNotes = [
  { version: '1.0.0', title: 'First release', notes: ['Initial version.'] }
]

@description('Region of the workflow.')
param location string = resourceGroup().location

@description('Name of the hunt.')
param hunt string

@description('Name of the workflow.')
param name string = 'logic-huntline-mail-${hunt}'

@description('Address of Huntline: output APP_URL of main.bicep.')
param appUrl string

@secure()
@description('A function key for this caller. A trigger cannot read the vault, so the workflow stores the key as a secure parameter; deploy again after renewing the key.')
param callerKey string

@description('Audience of the Entra token that Huntline also requires, api://<entraClientId>; empty when it requires none.')
param audience string = ''

@description('Mailbox that the mail is sent from. The workflow\'s identity needs Mail.Send for it.')
param sender string

@description('Where the mail goes.')
param recipients string[]

@description('Maximum rows in one mail.')
@minValue(1)
@maxValue(1000)
param mostRows int = 100

@description('Minutes between two polls, unless Huntline requests a shorter interval.')
@minValue(1)
@maxValue(1440)
param everyMinutes int = 15

@description('Address of Microsoft Graph.')
param graphUrl 'https://graph.microsoft.com' | 'https://graph.microsoft.us' | 'https://dod-graph.microsoft.us' = 'https://graph.microsoft.com'

var token = empty(audience) ? {} : { authentication: { type: 'ManagedServiceIdentity', audience: audience } }
var retries = { type: 'exponential', interval: 'PT10S', count: 4, minimumInterval: 'PT5S', maximumInterval: 'PT2M' }
var keyHeader = { 'x-functions-key': '@parameters(\'callerKey\')' }

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: name
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    state: 'Enabled'
    parameters: { callerKey: { value: callerKey } }
    definition: {
      '$schema': 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#'
      contentVersion: '1.0.0.0'
      parameters: { callerKey: { type: 'SecureString' } }
      triggers: {
        // 202: no new export; poll the Location after Retry-After. 200: one run for each export, then poll the Location.
        new_exports: {
          type: 'Http'
          inputs: union(
            {
              method: 'GET'
              uri: '${appUrl}/api/hunts/${hunt}/exports?after=latest'
              headers: keyHeader
              retryPolicy: retries
            },
            token
          )
          recurrence: { frequency: 'Minute', interval: everyMinutes }
          splitOn: '@triggerBody()?[\'value\']'
          runtimeConfiguration: { secureData: { properties: ['inputs'] } }
        }
      }
      actions: {
        rows: {
          type: 'Http'
          runAfter: {}
          inputs: union(
            {
              method: 'GET'
              uri: '${appUrl}/api/hunts/${hunt}/exports/@{triggerBody()?[\'cursor\']}/rows?top=${mostRows}'
              headers: keyHeader
              retryPolicy: retries
            },
            token
          )
          runtimeConfiguration: { secureData: { properties: ['inputs'] } }
        }
        table: {
          type: 'Table'
          runAfter: { rows: ['Succeeded'] }
          inputs: { from: '@body(\'rows\')?[\'value\']', format: 'HTML' }
        }
        mail: {
          type: 'Http'
          runAfter: { table: ['Succeeded'] }
          inputs: {
            method: 'POST'
            uri: '${graphUrl}/v1.0/users/${sender}/sendMail'
            headers: { 'content-type': 'application/json' }
            authentication: { type: 'ManagedServiceIdentity', audience: graphUrl }
            retryPolicy: retries
            body: {
              saveToSentItems: false
              message: {
                subject: '${hunt}: @{triggerBody()?[\'rows\']} new rows'
                toRecipients: [for each in recipients: { emailAddress: { address: each } }]
                body: {
                  contentType: 'HTML'
                  content: '<p>@{triggerBody()?[\'rows\']} rows from @{triggerBody()?[\'from\']} to @{triggerBody()?[\'to\']}; the first ${mostRows} are shown. All of them: @{triggerBody()?[\'blob\']} in the container exports.</p>@{body(\'table\')}'
                }
              }
            }
          }
        }
      }
    }
  }
}

@description('Object id of the workflow\'s identity, which needs Mail.Send for the mailbox.')
output principalId string = workflow.identity.principalId
