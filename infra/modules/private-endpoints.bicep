metadata name = 'Private endpoints'
metadata description = 'One private endpoint for each private service, with its DNS names.'

@description('Prefix of every resource name.')
param prefix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Resource id of the network.')
param networkId string

@description('Resource id of the endpoints\' subnet.')
param subnetId string

@description('Resource id of the host\'s storage account.')
param hostStorageId string

@description('Resource id of the data storage account.')
param dataStorageId string

@description('Resource id of the vault.')
param vaultId string

var zones = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  vault: environment().name == 'AzureUSGovernment'
    ? 'privatelink.vaultcore.usgovcloudapi.net'
    : 'privatelink.vaultcore.azure.net'
}

var endpoints = [
  { name: 'host-blob', target: hostStorageId, group: 'blob', zone: 0 }
  { name: 'host-queue', target: hostStorageId, group: 'queue', zone: 1 }
  { name: 'data-blob', target: dataStorageId, group: 'blob', zone: 0 }
  { name: 'data-queue', target: dataStorageId, group: 'queue', zone: 1 }
  { name: 'vault', target: vaultId, group: 'vault', zone: 2 }
]

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for name in [zones.blob, zones.queue, zones.vault]: {
    name: name
    #disable-next-line no-hardcoded-location // DNS zones are global
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for i in range(0, 3): {
    parent: zone[i]
    name: 'vnet-${prefix}'
    #disable-next-line no-hardcoded-location // DNS zones are global
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: networkId } }
  }
]

resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = [
  for each in endpoints: {
    name: 'pe-${prefix}-${each.name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: subnetId }
      privateLinkServiceConnections: [
        {
          name: each.name
          properties: { privateLinkServiceId: each.target, groupIds: [each.group] }
        }
      ]
    }
  }
]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [
  for (each, i) in endpoints: {
    parent: endpoint[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: each.group, properties: { privateDnsZoneId: zone[each.zone].id } }]
    }
  }
]
