/** Describes the operations on alerts and webhooks. */
import { bodyProblems, type OperationDescription, type ParameterDescription } from "./operation.ts";

const alertsTag = "Alerts";
const webhooksTag = "Webhooks";

const id = "incident-4711";
const alertId = "603e4f1b2c3d4e5f60718293";

const requestExample = {
  version: 1,
  id,
  alertIds: [alertId],
  action: "dismiss",
  reason: "notOfInterest",
  comment: "Known scanner",
  requestedBy: "soc@contoso.com",
  requestedAt: "2026-11-22T08:00:00Z",
};

const verdictPath: Readonly<Record<string, ParameterDescription>> = {
  id: {
    description: "Id of the verdict, chosen by its sender.",
    schema: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$" },
    example: id,
    extensions: { "x-ms-summary": "Verdict" },
  },
};

const statusExample = {
  id,
  status: "succeeded",
  result: {
    closure: "falsePositive",
    requestedBy: requestExample.requestedBy,
    requestedAt: requestExample.requestedAt,
    alerts: [{ alertId, outcome: "closed", detail: null }],
  },
  error: null,
};

const verdictNotFound = { 404: "No verdict with this id was sent." } as const;

const receiptId = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const sourcePath: Readonly<Record<string, ParameterDescription>> = {
  source: {
    description: "Name of the source, as configured in the setting WEBHOOKS.",
    schema: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,39}$" },
    example: "sentinel",
  },
};

const deliveryExample = { source: "sentinel", id: "msg_4711" };
const lookupExample = { job: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", hashes: 2 };

const answerExample = {
  ...deliveryExample,
  verdicts: [{ id: "sentinel-1f0e", action: "dismiss", alertIds: [alertId] }],
  lookup: lookupExample,
  hunts: [],
  skipped: [],
};

const webhook: Omit<OperationDescription, "operationId" | "summary" | "description"> = {
  tag: webhooksTag,
  visibility: "internal",
  path: sourcePath,
  body: {
    schema: "WebhookPayload",
    required: true,
    example: {
      object: {
        properties: { title: "Scanner seen", status: "Closed", classification: "FalsePositive" },
      },
    },
  },
  responses: {
    200: {
      description: "Accepted; the payload leads to no action.",
      schema: "WebhookAnswer",
      example: { ...answerExample, verdicts: [], lookup: null },
    },
    202: {
      description: "Accepted. Location is the pre-signed URL of its status.",
      schema: "WebhookAnswer",
      headers: ["Location", "Operation-Location", "Retry-After"],
      example: answerExample,
    },
  },
  problems: {
    ...bodyProblems,
    401: "Authentication failed.",
    409: "The id was used for another body.",
    429: "Too many requests, or daily alert limit reached, for this source.",
  },
};

export const alertsAndWebhooks: Readonly<Record<string, OperationDescription>> = {
  close_alerts: {
    operationId: "CloseAlerts",
    summary: "Close Cloud Apps alerts",
    description:
      "Accepts a verdict on up to 1,000 alerts, by their ids. A repetition has no effect. The URL in Location returns the outcome of each alert.",
    tag: alertsTag,
    visibility: "important",
    body: { schema: "VerdictRequest", required: true, example: requestExample },
    responses: {
      200: {
        description: "With dryRun: the planned action of each alert. Nothing is changed.",
        schema: "VerdictDryRun",
        example: {
          id,
          dryRun: true,
          alerts: [{ alertId, plannedAction: "close", currentState: "open" }],
        },
      },
      202: {
        description:
          "Accepted. Location is pre-signed, opens for 24 hours, and returns the status.",
        schema: "VerdictAccepted",
        headers: ["Location", "Operation-Location", "Retry-After"],
        example: { id, status: "running", result: null, error: null },
      },
    },
    problems: {
      ...bodyProblems,
      409: "The id was used for another verdict.",
      429: "Daily alert limit reached for this sender.",
    },
  },
  get_verdict: {
    operationId: "GetVerdict",
    summary: "Get verdict status",
    description:
      "Returns the outcome of each alert of a verdict: 202 while some are waiting, then 200.",
    tag: alertsTag,
    visibility: "important",
    path: verdictPath,
    responses: {
      200: {
        description: "Every alert has an outcome.",
        schema: "VerdictStatus",
        example: statusExample,
      },
      202: {
        description: "Some alerts are waiting. Repeat the request after Retry-After.",
        schema: "VerdictStatus",
        headers: ["Location", "Operation-Location", "Retry-After"],
        example: {
          ...statusExample,
          status: "running",
          result: {
            ...statusExample.result,
            alerts: [{ alertId, outcome: "waiting", detail: null }],
          },
        },
      },
    },
    problems: verdictNotFound,
  },
  undo_verdict: {
    operationId: "UndoVerdict",
    summary: "Undo a verdict",
    description:
      "Reopens the alerts that a verdict closed and that are still closed as it closed them. Best effort: the service does not document this call.",
    tag: alertsTag,
    visibility: "advanced",
    path: verdictPath,
    body: {
      schema: "UndoRequest",
      required: true,
      example: { requestedBy: requestExample.requestedBy },
    },
    responses: {
      200: {
        description: "The outcome of each alert.",
        schema: "VerdictUndone",
        example: { id, alerts: [{ alertId, outcome: "reopened", detail: "reopened on request" }] },
      },
    },
    problems: { ...bodyProblems, ...verdictNotFound },
  },
  receive_webhook: {
    ...webhook,
    operationId: "ReceiveWebhook",
    summary: "Receive a webhook",
    description:
      "Receives the payload of another product. It is authenticated by the source's own signature or token.",
  },
  receive_keyed_webhook: {
    ...webhook,
    operationId: "ReceiveKeyedWebhook",
    summary: "Receive a webhook with a function key",
    description:
      "Receives the payload of a source that sends a function key, alone or in addition to its own authentication.",
    problems: {
      ...webhook.problems,
      401: "Authentication failed. Without a function key the platform answers, without a body.",
    },
  },
  get_webhook_receipt: {
    operationId: "GetWebhookReceipt",
    summary: "Get delivery status",
    description: "Returns the status of a delivery: 202 while work is in progress, then 200.",
    tag: webhooksTag,
    visibility: "internal",
    path: {
      ...sourcePath,
      receipt: {
        description: "Name of the receipt, from Location.",
        schema: { type: "string", pattern: "^[0-9a-f]{64}$" },
        example: receiptId,
      },
    },
    query: "signedAddress",
    responses: {
      200: {
        description: "All work has ended.",
        schema: "WebhookStatus",
        example: {
          id: deliveryExample.id,
          status: "succeeded",
          result: {
            source: deliveryExample.source,
            acceptedAt: "2026-11-22T08:00:00Z",
            verdicts: [
              {
                id: "sentinel-1f0e",
                action: "dismiss",
                alerts: [{ alertId, outcome: "closed", detail: null }],
              },
            ],
            lookup: null,
            hunts: [],
            skipped: [],
          },
          error: null,
        },
      },
      202: {
        description: "Work is in progress. Repeat the request after Retry-After.",
        schema: "WebhookStatus",
        headers: ["Location", "Operation-Location", "Retry-After"],
      },
    },
    problems: {
      401: "The receipt URL is invalid or has expired (24 hours).",
      404: "The receipt was removed: receipts are kept for 8 days.",
    },
  },
};
