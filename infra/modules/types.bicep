metadata name = 'Types'
metadata description = 'Shapes that several modules share.'

@export()
@description('One of the app\'s identities.')
type identity = {
  @description('Resource id.')
  id: string

  @description('Client id, for app settings and token requests.')
  clientId: string

  @description('Object id, for role assignments.')
  principalId: string
}

@export()
@description('A network that may call the HTTP endpoints, checked before any key or token: an address range or a service tag.')
type caller = {
  @description('Name of the rule.')
  @maxLength(32)
  name: string

  @description('An IPv4 or IPv6 range such as 203.0.113.0/24, or a service tag such as AzureCloud.westeurope.')
  range: string

  @description('Kind of `range`.')
  kind: 'Default' | 'ServiceTag'
}

@export()
@description('Limits and cache times; members that are left out keep the default of shared/runtime/settings.ts.')
@sealed()
type limits = {
  @description('Hours that a found file statistic is cached, 0 to 72.')
  @minValue(0)
  @maxValue(72)
  foundCacheHours: int?

  @description('Hours that a "not found" is cached, 0 to 72.')
  @minValue(0)
  @maxValue(72)
  notFoundCacheHours: int?

  @description('Number of hashes at or above which a lookup uses FileProfile().')
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

  @description('Share of the hunting quota that Huntline uses; the rest stays free for people.')
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

  @description('Alerts that one source may close in a day.')
  @minValue(1)
  @maxValue(1000000)
  maxAlertsPerSourcePerDay: int?

  @description('Alerts that other writers of the queue may close in a day.')
  @minValue(1)
  @maxValue(1000000)
  maxUnsealedAlertsPerDay: int?

  @description('Days after which comments and requesters leave settled verdicts.')
  @minValue(1)
  @maxValue(3650)
  personalDataDays: int?

  @description('Accepts verdicts that other writers put on the queue.')
  allowUnsealedVerdicts: bool?
}

@export()
@description('A hunt that a delivery starts.')
@sealed()
type huntRule = {
  @description('Name of the hunt.')
  hunt: string

  @description('Accepted values by JSON pointer; all must match. When left out, every delivery starts the hunt.')
  when: matches?
}

@description('Accepted values by JSON pointer.')
type matches = {
  @description('Values of which one must match.')
  *: string[]
}

@export()
@description('A webhook source: payload, authentication and allowed actions; see shared/webhooks/README.md.')
@sealed()
type webhookSource = {
  @description('How the source authenticates.')
  auth: 'standard' | 'bodyHmac' | 'bearer' | 'entra' | 'functionKey'

  @description('Reader of the payload; by default the one named like the source, else generic.')
  reader: ('sentinel' | 'defender' | 'cloud-apps' | 'splunk' | 'elastic' | 'generic' | 'any')?

  @description('Mapping of shared/webhooks/mappings, for the generic reader.')
  mapping: string?

  @description('Allowed actions; by default all that its reader and authentication allow.')
  allow: ('enrich' | 'verdict' | 'hunt')[]?

  @description('Header of the signature, for bodyHmac.')
  signatureHeader: string?

  @description('Header of the delivery id.')
  idHeader: string?

  @description('Tenant that the source belongs to; default by default.')
  tenant: string?

  @description('Answers the validation event by which Event Grid checks the endpoint.')
  eventGrid: bool?

  @description('Audience of the tokens, for entra.')
  audience: string?

  @description('Client ids that may call, for entra.')
  callers: string[]?

  @description('App roles of which the token must have one, for entra.')
  roles: string[]?

  @description('Address ranges that the source sends from.')
  addresses: string[]?

  @description('True to require a function key as well.')
  functionKey: bool?

  @description('Hunts that its deliveries start.')
  hunts: huntRule[]?
}

@export()
@description('Webhook sources by their name in the address.')
type webhookSources = {
  @description('One source.')
  *: webhookSource
}

@description('Values by the name of a parameter.')
type parameterValues = {
  @description('A value as text, such as \'5\'.')
  *: string
}

@description('Values of the parameters of hunts: hunt, parameter, value.')
type huntParameters = {
  @description('Values of one hunt.')
  *: parameterValues
}

@export()
@description('A further Entra tenant whose Defender is used.')
@sealed()
type tenant = {
  @description('Id of the tenant.')
  tenantId: string

  @description('False to stop everything in this tenant.')
  enabled: bool?

  @description('National cloud; by default that of the deployment. Another one needs a clientId and a secret of its own.')
  cloud: ('public' | 'gcc' | 'gcchigh' | 'dod')?

  @description('Region of the Defender API.')
  defenderGeo: ('us' | 'eu' | 'uk' | 'au' | 'swa' | 'ina' | 'aea')?

  @description('Address of Cloud Apps; without it the tenant has hunts and files alone.')
  cloudAppsUrl: string?

  @description('How the app authenticates to Cloud Apps; the token is the secret cloud-apps-token-<tenant>.')
  cloudAppsAuth: ('token' | 'oauth')?

  @description('Hunting back-end.')
  huntingApi: ('graph' | 'defender' | 'legacy')?

  @description('Share of the hunting quota, such as \'0.5\'.')
  huntingQuotaShare: string?

  @description('App registration of its own; by default the multi-tenant one of appClientId.')
  clientId: string?

  @description('How that registration authenticates; its secret is defender-client-secret-<tenant>.')
  credential: ('secret' | 'federated')?

  @description('Names of the hunts that run in it; all by default.')
  hunts: string[]?

  @description('Values of the parameters of hunts: hunt, parameter, value.')
  parameters: huntParameters?
}

@export()
@description('Further tenants by name.')
type tenants = {
  @description('One tenant.')
  *: tenant
}
