metadata name = 'Alerts'
metadata description = 'What somebody has to hear of. The rules are written against the event names of shared/runtime/log.ts; infra/README.md says what to do about each.'

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

@description('Enabled hunts, and after how many minutes without a run each is overdue; made from the catalogue.')
param hunts { name: string, overdueAfterMinutes: int }[]

type rule = {
  @description('Last part of the rule\'s name.')
  name: string

  @description('What it means, for whoever is woken by it.')
  means: string

  @description('0 critical, 1 error, 2 warning, 3 informational.')
  severity: 0 | 1 | 2 | 3

  @description('KQL whose rows are counted.')
  query: string

  @description('More rows than this raise the alert.')
  threshold: int

  @description('How far back the query looks.')
  window: string

  @description('How often it is asked.')
  every: string
}

// One line of the log is one JSON object in a trace's message.
func events(name string) string =>
  'AppTraces | where Message has \'"event":"${name}"\' | extend line = parse_json(Message) | where line.event == \'${name}\''

var rules rule[] = [
  {
    name: 'poison'
    means: 'A message could not be worked on and became a dead letter.'
    severity: 1
    query: events('deadletter.written')
    threshold: 0
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    name: 'failures'
    means: 'A function failed.'
    severity: 2
    query: 'AppRequests | where Success == false and toint(ResultCode) !between (400 .. 499) | summarize Failures = count() by OperationName'
    threshold: 0
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    name: 'hunt-degraded'
    means: 'A span of a hunt cannot be completed and is held.'
    severity: 2
    query: events('hunt.degraded')
    threshold: 0
    window: 'PT1H'
    every: 'PT30M'
  }
  {
    name: 'upstream-refused'
    means: 'Defender, Graph, Cloud Apps or Entra refused us: a right is missing, or a token or secret is over.'
    severity: 1
    query: '${events('upstream.refused')} | where toint(line.status) in (401, 403)'
    threshold: 2
    window: 'PT30M'
    every: 'PT15M'
  }
  {
    name: 'throttled'
    means: 'A service asks us to wait again and again: somebody else uses the same quota.'
    severity: 3
    query: events('quota.paused')
    threshold: 10
    window: 'PT1H'
    every: 'PT30M'
  }
  {
    name: 'breaker-opened'
    means: 'A service failed so often that it is left alone for a while.'
    severity: 2
    query: events('breaker.opened')
    threshold: 0
    window: 'PT30M'
    every: 'PT15M'
  }
  {
    name: 'audit-gap'
    means: 'A change was announced in the audit log and its outcome was not.'
    severity: 1
    query: events('audit.gap')
    threshold: 0
    window: 'PT1H'
    every: 'PT1H'
  }
  {
    name: 'setting-invalid'
    means: 'An app setting is missing or malformed; the doors that need it answer 503.'
    severity: 1
    query: events('setting.invalid')
    threshold: 0
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    name: 'webhooks-refused'
    means: 'Many webhook calls could not prove where they come from.'
    severity: 2
    query: '${events('webhook.refused')} | where toint(line.status) == 401'
    threshold: 20
    window: 'PT15M'
    every: 'PT15M'
  }
  {
    name: 'unauthorized-burst'
    means: 'Many calls without a valid key or token.'
    severity: 2
    query: 'AppRequests | where ResultCode == \'401\''
    threshold: 50
    window: 'PT15M'
    every: 'PT15M'
  }
]

// Written as a table into the query; a rule cannot look back further than two days.
var expected = join(map(hunts, hunt => '\'${hunt.name}\', ${hunt.overdueAfterMinutes}'), ', ')
var overdue rule = {
  name: 'hunt-overdue'
  means: 'An enabled hunt has not run for more than three of its intervals.'
  severity: 1
  query: 'datatable(hunt: string, minutes: int) [${expected}] | join kind=leftouter (${events('hunt.run')} | summarize last = max(TimeGenerated) by hunt = tostring(line.hunt)) on hunt | where isnull(last) or last < ago(1m * minutes) | project hunt, last'
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
      // On the first deployment the tables do not exist yet.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: each.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: each.threshold
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
