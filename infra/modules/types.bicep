metadata name = 'Types'
metadata description = 'Shapes that several modules share.'

@export()
@description('One of the app\'s identities.')
type identity = {
  @description('Resource id.')
  id: string

  @description('What app settings and token requests name.')
  clientId: string

  @description('What role assignments name.')
  principalId: string
}

@export()
@description('Who may reach the HTTP doors at all, before any key or token: an address range or a service tag.')
type caller = {
  @description('Name of the rule.')
  @maxLength(32)
  name: string

  @description('An IPv4 or IPv6 range such as 203.0.113.0/24, or a service tag such as AzureCloud.westeurope.')
  range: string

  @description('What `range` is.')
  kind: 'Default' | 'ServiceTag'
}

@export()
@description('Limits and ages; what is left out keeps the default of shared/runtime/settings.ts.')
@sealed()
type limits = {
  @description('Hours a found file statistic is believed, 0 to 72.')
  @minValue(0)
  @maxValue(72)
  foundCacheHours: int?

  @description('Hours a "not found" is believed, 0 to 72.')
  @minValue(0)
  @maxValue(72)
  notFoundCacheHours: int?

  @description('Hashes from which a lookup takes the short way through FileProfile().')
  @minValue(1)
  @maxValue(20000)
  bulkLookupThreshold: int?

  @description('Hunting calls a minute of the whole tenant.')
  @minValue(1)
  @maxValue(1000)
  huntingCallsPerMinute: int?

  @description('Hunting calls an hour of the whole tenant.')
  @minValue(1)
  @maxValue(60000)
  huntingCallsPerHour: int?

  @description('Share of the hunting quota that Huntline takes; the rest is left to people.')
  huntingQuotaShare: ('0.1' | '0.2' | '0.3' | '0.4' | '0.5' | '0.6' | '0.7' | '0.8' | '0.9' | '1')?

  @description('File information calls a minute of the whole tenant.')
  @minValue(1)
  @maxValue(1000)
  filesCallsPerMinute: int?

  @description('File information calls an hour of the whole tenant.')
  @minValue(1)
  @maxValue(60000)
  filesCallsPerHour: int?

  @description('Cloud Apps calls a minute of the whole tenant.')
  @minValue(1)
  @maxValue(1000)
  cloudAppsCallsPerMinute: int?

  @description('Alerts that one source may close a day.')
  @minValue(1)
  @maxValue(1000000)
  maxAlertsPerSourcePerDay: int?
}

@export()
@description('A hunt that a delivery starts.')
@sealed()
type huntRule = {
  @description('Name of the hunt.')
  hunt: string

  @description('JSON pointer into the payload to the values that start the hunt; all must fit. Left out, every delivery starts it.')
  when: matches?
}

@description('Accepted values by JSON pointer.')
type matches = {
  @description('Any one of them will do.')
  *: string[]
}

@export()
@description('How a source of webhooks is read, how it proves itself, and what it may ask; README.md, Webhooks, explains each.')
@sealed()
type webhookSource = {
  @description('How it proves where it comes from.')
  auth: 'standard' | 'bodyHmac' | 'bearer' | 'entra' | 'functionKey'

  @description('Whose payload it is; the name of the source when left out, else generic.')
  reader: ('sentinel' | 'defender' | 'cloud-apps' | 'splunk' | 'elastic' | 'generic')?

  @description('Generic reader: the mapping of shared/webhooks/mappings.')
  mapping: string?

  @description('What it may lead to; all that its reader and proof allow when left out.')
  allow: ('enrich' | 'verdict' | 'hunt')[]?

  @description('Header of the signature, for body-hmac.')
  signatureHeader: string?

  @description('Header of the delivery id.')
  idHeader: string?

  @description('Audience of the tokens, for entra.')
  audience: string?

  @description('Client ids that may call, for entra.')
  callers: string[]?

  @description('App roles that a token must carry one of, for entra.')
  roles: string[]?

  @description('Address ranges it comes from.')
  addresses: string[]?

  @description('True to ask for a function key besides.')
  functionKey: bool?

  @description('Hunts that its deliveries start.')
  hunts: huntRule[]?
}

@export()
@description('Sources of webhooks by their name in the address.')
type webhookSources = {
  @description('One source.')
  *: webhookSource
}
