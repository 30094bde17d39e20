/**
 * Descriptions of the lists that show use and history: trends, quotas, verdicts, deliveries, audit
 * entries.
 */
import { invalidRequest, type OperationDescription } from "./operation.ts";

const alertId = "603e4f1b2c3d4e5f60718293";
const invalidQuery = { 400: invalidRequest } as const;

const quota = {
  api: "hunting",
  limitPerMinute: 45,
  limitPerHour: 1_500,
  share: 0.5,
  usedLastMinute: 4,
  usedLastHour: 61,
  pausedUntil: null,
  breakerOpenUntil: null,
};

const verdict = {
  id: "incident-4711",
  closure: "falsePositive",
  source: "api",
  requestedBy: "soc@contoso.example",
  requestedAt: "2026-11-22T08:00:00Z",
  acceptedAt: "2026-11-22T08:00:01.000Z",
  alerts: 2,
};

const delivery = {
  source: "sentinel",
  id: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
  acceptedAt: "2026-11-22T08:00:00.000Z",
  verdicts: ["sentinel-4711"],
  hashes: 3,
  hunts: [],
  skipped: [],
};

const history = {
  alertId,
  outcome: "closed",
  verdict: "incident-4711",
  closure: "falsePositive",
  requestedBy: "soc@contoso.example",
  detail: null,
  conflicts: [],
  value: [
    {
      seq: 412,
      at: "2026-11-22T08:00:02.000Z",
      kind: "intent",
      details: { action: "close", call: "3f0c", verdicts: ["incident-4711"] },
    },
  ],
  nextLink: null,
};

export const lists: Readonly<Record<string, OperationDescription>> = {
  get_attack_layer: {
    operationId: "GetAttackLayer",
    summary: "Get the ATT&CK layer",
    description:
      "Returns the techniques that the enabled hunts look for, as a layer for ATT&CK Navigator.",
    tag: "Hunts",
    visibility: "advanced",
    responses: {
      200: {
        description: "The layer.",
        schema: "AttackLayer",
        example: {
          name: "Huntline",
          versions: { attack: "18", layer: "4.5", navigator: "5.1.0" },
          domain: "enterprise-attack",
          description: "Techniques that the enabled hunts look for. Score: number of hunts.",
          techniques: [
            {
              techniqueID: "T1204.002",
              score: 1,
              enabled: true,
              comment: "office-starts-script-host",
            },
          ],
          gradient: { colors: ["#cfe4fa", "#0f6cbd"], minValue: 0, maxValue: 1 },
        },
      },
    },
    problems: {},
  },
  get_hunt_trend: {
    operationId: "GetHuntTrend",
    summary: "Get the rows of a hunt by day",
    description: "Returns rows, exports and incomplete windows of the last 30 days, oldest first.",
    tag: "Hunts",
    visibility: "advanced",
    path: {
      name: {
        description: "Name of the hunt.",
        schema: { type: "string", pattern: "^[a-z0-9-]{3,80}$" },
        example: "office-starts-script-host",
      },
    },
    responses: {
      200: {
        description: "One entry per day.",
        schema: "TrendList",
        example: {
          value: [{ day: "2026-11-22", rows: 42, exports: 3, gaps: 0, lateRows: 0 }],
          nextLink: null,
        },
      },
    },
    problems: { 404: "No hunt has this name." },
  },
  list_quotas: {
    operationId: "ListQuotas",
    summary: "List the use of service quotas",
    description: "Returns how much of each service's quota all instances have used.",
    tag: "Operation",
    visibility: "advanced",
    responses: {
      200: {
        description: "One entry per service.",
        schema: "QuotaList",
        example: { value: [quota], nextLink: null },
      },
    },
    problems: {},
  },
  list_verdicts: {
    operationId: "ListVerdicts",
    summary: "List verdicts",
    description: "Returns accepted verdicts, newest first. GetVerdict returns the outcomes of one.",
    tag: "Alerts",
    visibility: "advanced",
    query: "list",
    responses: {
      200: {
        description: "A page of verdicts.",
        schema: "VerdictList",
        example: { value: [verdict], nextLink: null },
      },
    },
    problems: invalidQuery,
  },
  get_alert_history: {
    operationId: "GetAlertHistory",
    summary: "Get the history of an alert",
    description:
      "Returns the state of an alert and the audit entries that name it, oldest first. Follow nextLink until it is null.",
    tag: "Alerts",
    visibility: "advanced",
    path: { id: { description: "Id of the alert.", example: alertId } },
    query: "list",
    responses: {
      200: { description: "The history.", schema: "AlertHistory", example: history },
    },
    problems: { ...invalidQuery, 404: "No verdict for this alert was accepted." },
  },
  list_deliveries: {
    operationId: "ListDeliveries",
    summary: "List webhook deliveries",
    description: "Returns accepted webhook deliveries of the last eight days, newest first.",
    tag: "Webhooks",
    visibility: "advanced",
    query: "deliveries",
    responses: {
      200: {
        description: "A page of deliveries.",
        schema: "DeliveryList",
        example: { value: [delivery], nextLink: null },
      },
    },
    problems: invalidQuery,
  },
};
