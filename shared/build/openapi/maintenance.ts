/** The doors for whoever runs the app, and those of the description itself. */
import { bodyProblems, invalidRequest, type OperationDescription } from "./operation.ts";

const tag = "Operation";
const id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

const report = {
  status: "degraded",
  problems: ["Calls of hunting stopped after failures until 2026-11-22T08:05:00.000Z."],
  hunts: [
    { name: "office-starts-script-host", state: "ok", watermark: "2026-11-22T08:00:00.0000000Z" },
  ],
  quotas: [{ api: "hunting", breakerOpenUntil: "2026-11-22T08:05:00.000Z" }],
  deadLetters: 0,
  secretsExpiring: [],
  auditAnchor: 412,
};

export const operations: Readonly<Record<string, OperationDescription>> = {
  get_health: {
    operationId: "GetHealth",
    summary: "Get the health in one word",
    description: "Tells anyone whether the app is healthy, and nothing else.",
    tag,
    visibility: "advanced",
    responses: {
      200: {
        description: "Healthy or degraded.",
        schema: "HealthStatus",
        example: { status: "healthy" },
      },
      503: { description: "Unhealthy.", schema: "HealthStatus", example: { status: "unhealthy" } },
    },
    problems: {},
  },
  get_health_report: {
    operationId: "GetHealthReport",
    summary: "Get the whole report on health",
    description: "Tells what is wrong and what to do about it, hunt by hunt and quota by quota.",
    tag,
    visibility: "advanced",
    responses: {
      200: { description: "Healthy or degraded.", schema: "HealthReport", example: report },
      503: {
        description: "Unhealthy.",
        schema: "HealthReport",
        example: { ...report, status: "unhealthy" },
      },
    },
    problems: {},
  },
  list_dead_letters: {
    operationId: "ListDeadLetters",
    summary: "List dead letters",
    description:
      "Shows the messages that could not be worked on, redacted, with the reason; at most 200.",
    tag,
    visibility: "advanced",
    query: "deadLetters",
    responses: {
      200: {
        description: "The dead letters.",
        schema: "DeadLetterList",
        example: {
          deadLetters: [
            {
              version: 1,
              id,
              queue: "alert-verdicts",
              reason: "schema",
              detail: "/alertIds: at least one alert id",
              message: { version: 1, id: "incident-4711", alertIds: [] },
              replayable: true,
              firstSeenAt: "2026-11-22T08:00:00.000Z",
              lastSeenAt: "2026-11-22T08:00:00.000Z",
              occurrences: 1,
            },
          ],
        },
      },
    },
    problems: { 400: invalidRequest },
  },
  replay_dead_letters: {
    operationId: "ReplayDeadLetters",
    summary: "Put dead letters back on their queues",
    description:
      "Puts messages back as they were, with their ids: replaying what is done changes nothing.",
    tag,
    visibility: "advanced",
    body: {
      schema: "DeadLetterReplay",
      required: true,
      example: { deadLetters: [{ queue: "alert-verdicts", id }] },
    },
    responses: {
      200: {
        description: "What became of each.",
        schema: "DeadLetterReplayResult",
        example: { deadLetters: [{ id, outcome: "replayed" }] },
      },
    },
    problems: bodyProblems,
  },
  get_open_api: {
    operationId: "GetOpenApi",
    summary: "Get this description as OpenAPI",
    description: "Describes every door in OpenAPI 3.1.",
    tag,
    visibility: "internal",
    responses: { 200: { description: "The description.", schema: "ApiDescription" } },
    problems: {},
  },
  get_swagger: {
    operationId: "GetSwagger",
    summary: "Get this description as Swagger",
    description:
      "Describes every door in Swagger 2.0, for custom connectors of Logic Apps and Power Automate.",
    tag,
    visibility: "internal",
    responses: { 200: { description: "The description.", schema: "ApiDescription" } },
    problems: {},
  },
};
