metadata name = 'Key reader'
metadata description = 'Lets one workflow read one secret of Huntline\'s vault: the function key. The workflow reads it at each run and stores none.'

@description('Name of Huntline\'s vault.')
param vaultName string

@description('Name of the secret that holds the function key.')
param secretName string

@description('Resource id of the workflow.')
param workflowId string

@description('Object id of the workflow\'s identity.')
param principalId string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName

  resource secret 'secrets' existing = {
    name: secretName
  }
}

// Key Vault Secrets User, on this secret only.
resource readsKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault::secret
  name: guid(vault::secret.id, workflowId, 'secrets-user')
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '4633458b-17de-408a-b874-0445c86b69e6'
    )
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
