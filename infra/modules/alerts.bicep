metadata name = 'Alerts'
metadata description = 'Alert rules over the events of shared/runtime/log.ts. The runbook in infra/README.md has the action for each.'

@description('Prefix of every resource name.')
param prefix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Resource id of the workspace, where traces and requests have the names used here.')
param workspaceId string

@description('Resource id of the action group.')
param actionGroupId string

@description('Enabled hunts, and the minutes without a successful run after which each is overdue; written by the build.')
param hunts { name: string, overdueAfterMinutes: int }[]

type rule = {
  @description('Last part of the rule\'s name.')
  name: string

  @description('Meaning, shown in the mail.')
  means: string

  @description('0 critical, 1 error, 2 warning, 3 informational.')
  severity: 0 | 1 | 2 | 3

  @description('KQL whose rows are counted.')
  query: string

  @description('Column by which rows are counted and which the mail names; empty for none.')
  dimension: string

  @description('More rows than this fire the alert.')
  threshold: int

  @description('Time range of the query.')
  window: string

  @description('Evaluation interval.')
  every: string
}

// A log line is one JSON object in a trace's message. The column of the dimension is text.
func events(name string) string =>
  'AppTraces | where Message has \'"event":"${name}"\' | extend line = parse_json(Message) | where line.event == \'${name}\''

func eventsBy(name string, field string) string =>
  '${events(name)} | extend ${field} = tostring(line.${field})'

var rules rule[] = [
  {
    name: 'poison'
    means: 'A message could not be processed and became a dead letter.'
    severity: 1
    query: eventsBy('deadletter.written', 'queue')
    dimension: 'queue'
    threshold: 0
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    // The app answers its own errors, so the platform counts them as success: the status decides.
    name: 'failures'
    means: 'A function failed or returned a 5xx status.'
    severity: 2
    query: 'AppRequests | where toint(ResultCode) >= 500 or (Success == false and toint(ResultCode) !between (400 .. 499))'
    dimension: 'OperationName'
    threshold: 0
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    name: 'hunt-degraded'
    means: 'A window of a hunt could not be completed.'
    severity: 2
    query: eventsBy('hunt.degraded', 'hunt')
    dimension: 'hunt'
    threshold: 0
    window: 'PT1H'
    every: 'PT30M'
  }
  {
    name: 'upstream-refused'
    means: 'Defender, Graph, Cloud Apps or Entra refused calls: a role is missing, or a token or secret has expired.'
    severity: 1
    query: '${eventsBy('upstream.refused', 'api')} | where toint(line.status) in (401, 403)'
    dimension: 'api'
    threshold: 2
    window: 'PT30M'
    every: 'PT15M'
  }
  {
    name: 'throttled'
    means: 'A service throttles calls repeatedly: another caller uses the same quota.'
    severity: 3
    query: eventsBy('quota.paused', 'api')
    dimension: 'api'
    threshold: 10
    window: 'PT1H'
    every: 'PT30M'
  }
  {
    name: 'breaker-opened'
    means: 'Calls to a service are suspended after repeated failures.'
    severity: 2
    query: eventsBy('breaker.opened', 'api')
    dimension: 'api'
    threshold: 0
    window: 'PT30M'
    every: 'PT15M'
  }
  {
    name: 'audit-gap'
    means: 'A change was started but its result was not recorded in the audit log.'
    severity: 1
    query: eventsBy('audit.gap', 'cause')
    dimension: 'cause'
    threshold: 0
    window: 'PT1H'
    every: 'PT1H'
  }
  {
    // Only this log is out of the reach of a writer of the storage, who could restore an older anchor.
    name: 'audit-lowered'
    means: 'The audit log became shorter or was rewritten: an earlier anchor was higher or had another hash.'
    severity: 0
    query: '${eventsBy('audit.anchored', 'tenant')} | summarize hashes = dcount(tostring(line.hash)), anchoredAt = max(TimeGenerated) by tenant, seq = tolong(line.seq) | summarize highest = max(seq), changed = max(hashes), arg_max(anchoredAt, seq) by tenant | where seq < highest or changed > 1'
    dimension: 'tenant'
    threshold: 0
    window: 'P2D'
    every: 'PT1H'
  }
  {
    name: 'setting-invalid'
    means: 'An app setting is missing or malformed; the functions that use it return 503.'
    severity: 1
    query: eventsBy('setting.invalid', 'settings')
    dimension: 'settings'
    threshold: 0
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    name: 'webhooks-refused'
    means: 'Many deliveries of a source failed authentication.'
    severity: 2
    query: '${eventsBy('webhook.refused', 'source')} | where toint(line.status) == 401'
    dimension: 'source'
    threshold: 20
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    name: 'unauthorized-burst'
    means: 'Many calls without a valid key or token.'
    severity: 2
    query: 'AppRequests | where ResultCode == \'401\''
    dimension: ''
    threshold: 50
    window: 'PT15M'
    every: 'PT15M'
  }
]

// The hunts are a table in the query; a rule's time range is two days at most. The time without success counts from
// the last successful run, else the hunt's first run, else the app's first trace: a new deployment fires no alert.
var expected = join(map(hunts, hunt => '\'${hunt.name}\', ${hunt.overdueAfterMinutes}'), ', ')
var overdue rule = {
  name: 'hunt-overdue'
  means: 'An enabled hunt had no successful run for three of its intervals.'
  severity: 1
  query: 'let firstTrace = toscalar(AppTraces | summarize min(TimeGenerated)); datatable(hunt: string, minutes: int) [${expected}] | join kind=leftouter (${events('hunt.run')} | extend isSuccess = tostring(line.outcome) in (\'done\', \'continues\') | summarize lastSuccess = maxif(TimeGenerated, isSuccess), firstRun = min(TimeGenerated) by hunt = tostring(line.hunt)) on hunt | where coalesce(lastSuccess, firstRun, firstTrace) < ago(1m * minutes) | project hunt, lastSuccess'
  dimension: 'hunt'
  threshold: 0
  window: 'P2D'
  every: 'PT1H'
}

resource alert 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for each in concat(rules, empty(hunts) ? [] : [overdue]): {
    name: 'alert-${prefix}-${each.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Huntline: ${replace(each.name, '-', ' ')}'
      description: each.means
      enabled: true
      severity: each.severity
      scopes: [workspaceId]
      evaluationFrequency: each.every
      windowSize: each.window
      autoMitigate: true
      // The tables do not exist before the first telemetry.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: each.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: each.threshold
            dimensions: empty(each.dimension) ? [] : [{ name: each.dimension, operator: 'Include', values: ['*'] }]
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [actionGroupId] }
    }
  }
]

@description('Names of the alert rules.')
output names string[] = map(concat(rules, empty(hunts) ? [] : [overdue]), each => each.name)
