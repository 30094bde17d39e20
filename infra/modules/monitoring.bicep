metadata name = 'Monitoring'
metadata description = 'One workspace, one Application Insights component that accepts telemetry from known identities only, and one action group.'

@description('Prefix of every resource name.')
param prefix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Days that the workspace keeps telemetry.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('Gigabytes a day after which ingestion stops; -1 for no limit.')
param dailyCapGb int

@description('Addresses that receive alert mails.')
param alertEmails string[]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: 'log-${prefix}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    workspaceCapping: { dailyQuotaGb: dailyCapGb }
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${prefix}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: workspace.id
  }
}

resource team 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${prefix}'
  #disable-next-line no-hardcoded-location // action groups are global
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'huntline'
    emailReceivers: map(alertEmails, address => {
      name: address
      emailAddress: address
      useCommonAlertSchema: true
    })
  }
}

@description('Resource id of the workspace.')
output workspaceId string = workspace.id

@description('Name of the Application Insights component.')
output insightsName string = insights.name

@description('Connection string of Application Insights. It is not a secret: local authentication is off.')
output connectionString string = insights.properties.ConnectionString

@description('Resource id of the action group.')
output actionGroupId string = team.id
