/** Describes the operations of health, dead letters and the API description. */
import { bodyProblems, invalidRequest, type OperationDescription } from "./operation.ts";

const tag = "Operation";
const id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

const report = {
  status: "degraded",
  problems: ["Calls of hunting stopped after failures until 2026-11-22T08:05:00.000Z."],
  hunts: [
    {
      name: "office-starts-script-host",
      state: "ok",
      reason: null,
      watermark: "2026-11-22T08:00:00.0000000Z",
      watermarkAgeSeconds: 2_520,
      version: 1,
      head: "hl_tenant=default/hl_hunt=office-starts-script-host/hl_version=1/hl_log=main/hl_date=2026-11-22/000000000017.ndjson.gz",
      schemaChange: null,
      suppressed: null,
      warnings: [],
    },
  ],
  quotas: [{ api: "hunting", pausedUntil: null, breakerOpenUntil: "2026-11-22T08:05:00.000Z" }],
  deadLetters: 0,
  secretsExpiring: [],
  retirement: null,
  refusedVerdictCalls: null,
  auditAnchor: 412,
};

export const operations: Readonly<Record<string, OperationDescription>> = {
  get_health: {
    operationId: "GetHealth",
    summary: "Get the health status",
    description: "Returns the health status without a reason. Anyone may call it.",
    tag,
    visibility: "advanced",
    responses: {
      200: {
        description: "The status: healthy, degraded or unhealthy.",
        schema: "HealthStatus",
        example: { status: "healthy" },
      },
      503: {
        description: "The app cannot accept requests.",
        schema: "HealthStatus",
        example: { status: "unhealthy" },
      },
    },
    problems: {},
  },
  get_health_report: {
    operationId: "GetHealthReport",
    summary: "Get the health report",
    description: "Returns what is wrong and how to fix it, for each hunt and each quota.",
    tag,
    visibility: "advanced",
    responses: {
      200: { description: "The report.", schema: "HealthReport", example: report },
    },
    problems: {},
  },
  list_dead_letters: {
    operationId: "ListDeadLetters",
    summary: "List dead letters",
    description:
      "Lists messages that could not be processed, redacted, with the reason; at most 200 a page.",
    tag,
    visibility: "advanced",
    query: "deadLetters",
    responses: {
      200: {
        description: "The dead letters.",
        schema: "DeadLetterList",
        example: {
          value: [
            {
              version: 1,
              id,
              queue: "alert-verdicts",
              reason: "schema",
              detail: "/alertIds: at least one alert id",
              message: { version: 1, id: "incident-4711", alertIds: [] },
              text: null,
              replayable: true,
              firstSeenAt: "2026-11-22T08:00:00.000Z",
              lastSeenAt: "2026-11-22T08:00:00.000Z",
              occurrences: 1,
              replayedAt: null,
            },
          ],
          nextLink: null,
        },
      },
    },
    problems: { 400: invalidRequest },
  },
  replay_dead_letters: {
    operationId: "ReplayDeadLetters",
    summary: "Replay dead letters",
    description:
      "Returns messages to their queues unchanged. Replaying a processed message has no effect.",
    tag,
    visibility: "advanced",
    body: {
      schema: "DeadLetterReplay",
      required: true,
      example: { deadLetters: [{ queue: "alert-verdicts", id }] },
    },
    responses: {
      200: {
        description: "The outcome of each.",
        schema: "DeadLetterReplayResult",
        example: { value: [{ id, outcome: "replayed" }] },
      },
    },
    problems: bodyProblems,
  },
  get_open_api: {
    operationId: "GetOpenApi",
    summary: "Get this description as OpenAPI",
    description: "Describes every operation in OpenAPI 3.1.",
    tag,
    visibility: "internal",
    responses: { 200: { description: "The description.", schema: "ApiDescription" } },
    problems: {},
  },
  get_swagger: {
    operationId: "GetSwagger",
    summary: "Get this description as Swagger",
    description:
      "Describes every operation in Swagger 2.0, for custom connectors of Logic Apps and Power Automate.",
    tag,
    visibility: "internal",
    responses: { 200: { description: "The description.", schema: "ApiDescription" } },
    problems: {},
  },
};
