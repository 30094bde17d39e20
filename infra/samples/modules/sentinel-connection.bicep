metadata name = 'Sentinel connection'
metadata description = 'The connection through which a playbook receives and updates incidents, by the workflow\'s own identity.'

@description('A connection in a workflow\'s parameter $connections.')
type connectionReference = {
  @description('Resource id of the connection.')
  connectionId: string

  @description('Name of the connection.')
  connectionName: string

  @description('Resource id of the connector.')
  id: string

  @description('How the workflow authenticates.')
  connectionProperties: {
    @description('The workflow\'s own identity.')
    authentication: { type: 'ManagedServiceIdentity' }
  }
}

@description('Name of the connection.')
param name string

@description('Region of the workflow.')
param location string

var api = subscriptionResourceId('Microsoft.Web/locations/managedApis', location, 'azuresentinel')

resource connection 'Microsoft.Web/connections@2016-06-01' = {
  name: name
  location: location
  properties: {
    displayName: name
    api: { id: api }
    #disable-next-line BCP037 // what makes the connection one for managed identities; the published types lack it
    parameterValueType: 'Alternative'
  }
}

@description('The value for the workflow\'s parameter $connections.')
output reference connectionReference = {
  connectionId: connection.id
  connectionName: connection.name
  id: api
  connectionProperties: { authentication: { type: 'ManagedServiceIdentity' } }
}
