metadata name = 'Sentinel responder'
metadata description = 'Lets one workflow comment on, change and close the incidents of one workspace.'

@description('Name of the workspace.')
param workspaceName string

@description('Resource id of the workflow.')
param workflowId string

@description('Object id of the workflow\'s identity.')
param principalId string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

// Microsoft Sentinel Responder.
resource responds 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, workflowId, 'sentinel-responder')
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '3e150937-b8fe-4cfb-8069-0eaf05ecd056'
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
