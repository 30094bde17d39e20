metadata name = 'Export events'
metadata description = 'Notifies a webhook of each new export. Readers of the queue `hunt-results` do not need it.'

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Name of the data storage account.')
param dataStorageName string

@secure()
@description('Https address that receives the events; it must answer the validation handshake.')
param endpoint string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataStorageName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-${dataStorageName}'
  location: location
  tags: tags
  properties: { source: account.id, topicType: 'Microsoft.Storage.StorageAccounts' }
}

resource created 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'new-exports'
  properties: {
    destination: { endpointType: 'WebHook', properties: { endpointUrl: endpoint } }
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: '/blobServices/default/containers/exports/'
    }
    retryPolicy: { eventTimeToLiveInMinutes: 1440, maxDeliveryAttempts: 30 }
  }
}
