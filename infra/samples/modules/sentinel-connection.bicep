metadata name = 'Sentinel connection'
metadata description = 'The connection through which a playbook hears of incidents and writes to them, by the workflow\'s own identity.'

@description('How a workflow names a connection in its parameter $connections.')
type connectionReference = {
  @description('Resource id of the connection.')
  connectionId: string

  @description('Name of the connection.')
  connectionName: string

  @description('Resource id of the connector.')
  id: string

  @description('By what right the workflow uses it.')
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

@description('What the workflow says of the connection in its parameter $connections.')
output reference connectionReference = {
  connectionId: connection.id
  connectionName: connection.name
  id: api
  connectionProperties: { authentication: { type: 'ManagedServiceIdentity' } }
}
