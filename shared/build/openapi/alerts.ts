/** The doors to verdicts on alerts, and to webhooks. */
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
    description: "Id of the verdict, as its sender chose it.",
    schema: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$" },
    example: id,
    extensions: { "x-ms-summary": "Verdict" },
  },
};

const statusExample = {
  id,
  closure: "falsePositive",
  requestedBy: requestExample.requestedBy,
  requestedAt: requestExample.requestedAt,
  done: true,
  alerts: [{ alertId, outcome: "closed" }],
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
      description: "Taken; nothing follows from it.",
      schema: "WebhookAnswer",
      example: { ...answerExample, verdicts: [], lookup: null },
    },
    202: {
      description: "Taken, and what it asks for is on its way. Location tells how it ends.",
      schema: "WebhookAnswer",
      headers: ["Location", "Retry-After"],
      example: answerExample,
    },
  },
  problems: {
    ...bodyProblems,
    401: "The request does not prove where it comes from.",
    409: "The id was used for another body.",
    429: "Too many requests, or too many alerts in a day, of this source.",
  },
};

export const alertsAndWebhooks: Readonly<Record<string, OperationDescription>> = {
  close_alerts: {
    operationId: "CloseAlerts",
    summary: "Close Cloud Apps alerts",
    description:
      "Asks for up to 1,000 alerts to be closed, by explicit id. Repeating a request changes nothing. The address in Location tells how each alert ends.",
    tag: alertsTag,
    visibility: "important",
    body: { schema: "VerdictRequest", required: true, example: requestExample },
    responses: {
      200: {
        description: "With dryRun: what would be done, alert by alert. Nothing is changed.",
        schema: "VerdictDryRun",
        example: {
          id,
          dryRun: true,
          alerts: [{ alertId, plannedAction: "close", currentState: "open" }],
        },
      },
      202: {
        description:
          "Accepted. Location is where to see how it goes; it asks for the same function key.",
        schema: "VerdictAccepted",
        headers: ["Location", "Retry-After"],
        example: { id, status: `https://huntline.example.org/api/alerts/verdicts/${id}` },
      },
    },
    problems: {
      ...bodyProblems,
      409: "The id was used for another verdict.",
      429: "The alerts of the day are used up.",
    },
  },
  get_verdict: {
    operationId: "GetVerdict",
    summary: "Get how a verdict goes",
    description:
      "Tells how each alert of a verdict has ended: 202 while some are waiting, then 200.",
    tag: alertsTag,
    visibility: "important",
    path: verdictPath,
    responses: {
      200: {
        description: "Every alert is settled.",
        schema: "VerdictStatus",
        example: statusExample,
      },
      202: {
        description: "Some alerts are waiting. Ask again after Retry-After.",
        schema: "VerdictStatus",
        headers: ["Location", "Retry-After"],
        example: { ...statusExample, done: false, alerts: [{ alertId, outcome: "waiting" }] },
      },
    },
    problems: verdictNotFound,
  },
  undo_verdict: {
    operationId: "UndoVerdict",
    summary: "Take a verdict back",
    description:
      "Reopens the alerts that a verdict closed. Best effort: the service does not document this call.",
    tag: alertsTag,
    visibility: "advanced",
    path: verdictPath,
    responses: {
      200: {
        description: "How each alert stands now.",
        schema: "VerdictUndone",
        example: { id, alerts: [{ alertId, outcome: "reopened", detail: "reopened on request" }] },
      },
    },
    problems: verdictNotFound,
  },
  receive_webhook: {
    ...webhook,
    operationId: "ReceiveWebhook",
    summary: "Receive a webhook",
    description:
      "Takes what another product sends as it is. The source's own proof is the authority: a signature or token.",
  },
  receive_keyed_webhook: {
    ...webhook,
    operationId: "ReceiveKeyedWebhook",
    summary: "Receive a webhook with a function key",
    description:
      "The same for sources that can send a function key, alone or besides their own proof.",
    problems: {
      ...webhook.problems,
      401: "The request does not prove where it comes from. Without a function key the platform answers, with no body.",
    },
  },
  get_webhook_receipt: {
    operationId: "GetWebhookReceipt",
    summary: "Get what became of a webhook",
    description: "Tells how what a webhook asked for goes: 202 while any of it goes on, then 200.",
    tag: webhooksTag,
    visibility: "internal",
    path: {
      ...sourcePath,
      receipt: {
        description: "Name of the receipt, as it stands in Location.",
        schema: { type: "string", pattern: "^[0-9a-f]{64}$" },
        example: receiptId,
      },
    },
    query: "signedAddress",
    responses: {
      200: {
        description: "All of it has ended.",
        schema: "WebhookStatus",
        example: {
          ...deliveryExample,
          acceptedAt: "2026-11-22T08:00:00Z",
          done: true,
          verdicts: [
            { id: "sentinel-1f0e", action: "dismiss", alerts: [{ alertId, outcome: "closed" }] },
          ],
          lookup: null,
          hunts: [],
          skipped: [],
        },
      },
      202: {
        description: "Some of it goes on. Ask again after Retry-After.",
        schema: "WebhookStatus",
        headers: ["Location", "Retry-After"],
      },
    },
    problems: {
      401: "The address opens no receipt: its key is wrong or older than a day.",
      404: "The receipt is gone: receipts are kept for eight days.",
    },
  },
};
