metadata name = 'Private network'
metadata description = 'The private profile: the app in its own subnet; storage and vault behind private endpoints.'

@description('Prefix of every resource name.')
param prefix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Address space; the first two /26 of it are used.')
param addressSpace string

resource appRules 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: 'nsg-${prefix}-app'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'nobody-enters'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4096
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource endpointRules 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: 'nsg-${prefix}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'https-from-the-app'
        properties: {
          access: 'Allow'
          direction: 'Inbound'
          priority: 100
          protocol: 'Tcp'
          sourceAddressPrefix: cidrSubnet(addressSpace, 26, 0)
          sourcePortRange: '*'
          destinationAddressPrefix: cidrSubnet(addressSpace, 26, 1)
          destinationPortRange: '443'
        }
      }
      {
        name: 'nothing-else'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4096
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: 'vnet-${prefix}'
  location: location
  tags: tags
  properties: { addressSpace: { addressPrefixes: [addressSpace] } }

  // Outbound addresses stay the platform's: Defender, Graph and Cloud Apps are public services.
  resource app 'subnets' = {
    name: 'app'
    properties: {
      addressPrefix: cidrSubnet(addressSpace, 26, 0)
      delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
      networkSecurityGroup: { id: appRules.id }
    }
  }

  resource endpoints 'subnets' = {
    name: 'endpoints'
    properties: {
      addressPrefix: cidrSubnet(addressSpace, 26, 1)
      defaultOutboundAccess: false
      networkSecurityGroup: { id: endpointRules.id }
      privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
    }
    dependsOn: [app]
  }
}

@description('Resource id of the network.')
output networkId string = network.id

@description('Resource id of the app\'s subnet.')
output appSubnetId string = network::app.id

@description('Resource id of the endpoints\' subnet.')
output endpointSubnetId string = network::endpoints.id
