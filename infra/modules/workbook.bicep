metadata name = 'Workbook'
metadata description = 'Shows hunts, exported rows, verdicts, file lookups and the state of each service.'

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Resource id of the workspace.')
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'huntline')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Huntline'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('workbook.json')
  }
}
