metadata name = 'App roles'
metadata description = 'Grants the identities their app roles of Graph, Defender and Cloud Apps. A separate deployment, because it requires a Privileged Role Administrator and the Graph extension of Bicep.'

extension microsoftGraphV1

@description('Object id of the hunting identity: output HUNTING_PRINCIPAL_ID of main.bicep.')
param huntingPrincipalId string

@description('Object id of the response identity: output RESPONSE_PRINCIPAL_ID of main.bicep.')
param responsePrincipalId string

@description('True to grant the Defender API\'s own hunting right too; needed for huntingApi defender or legacy, until they retire on 1 February 2027.')
param withDefenderHunting bool = false

@description('True to grant the right to close Cloud Apps alerts; needed only for cloudAppsAuth oauth.')
param withCloudApps bool = false

// Microsoft's own applications. The ids are the same in every tenant.
resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

// Exists in tenants with Defender for Endpoint.
resource defender 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: 'fc780465-2017-40d4-a0c5-307022471b92'
}

resource cloudApps 'Microsoft.Graph/servicePrincipals@v1.0' existing = if (withCloudApps) {
  appId: '05a65629-4c1b-48c1-a78b-804c4abdd4af'
}

// Roles are selected by value: their ids differ between clouds.
var huntingRole = filter(graph.appRoles, role => role.value == 'ThreatHunting.Read.All')[0].id
var fileRole = filter(defender.appRoles, role => role.value == 'File.Read.All')[0].id
var defenderHuntingRole = filter(defender.appRoles, role => role.value == 'AdvancedQuery.Read.All')[0].id

resource hunts 'Microsoft.Graph/appRoleAssignedTo@v1.0' = {
  principalId: huntingPrincipalId
  resourceId: graph.id
  appRoleId: huntingRole
}

resource readsFiles 'Microsoft.Graph/appRoleAssignedTo@v1.0' = {
  principalId: huntingPrincipalId
  resourceId: defender.id
  appRoleId: fileRole
}

resource huntsByDefender 'Microsoft.Graph/appRoleAssignedTo@v1.0' = if (withDefenderHunting) {
  principalId: huntingPrincipalId
  resourceId: defender.id
  appRoleId: defenderHuntingRole
}

resource closesAlerts 'Microsoft.Graph/appRoleAssignedTo@v1.0' = if (withCloudApps) {
  principalId: responsePrincipalId
  resourceId: cloudApps!.id
  appRoleId: filter(cloudApps!.appRoles, role => role.value == 'Investigation.manage')[0].id
}

@description('Ids of the granted roles.')
output granted string[] = concat([huntingRole, fileRole], withDefenderHunting ? [defenderHuntingRole] : [])
