/** Describes the operations on hunts. */
import {
  bodyProblems,
  idempotencyKey,
  invalidRequest,
  type OperationDescription,
  type ParameterDescription,
} from "./operation.ts";

const tag = "Hunts";
const huntNotFound = { 404: "No hunt has this name." } as const;

/**
 * A designer offers the existing hunts. Older designers read the first extension, newer ones the
 * second.
 */
const huntPath: Readonly<Record<string, ParameterDescription>> = {
  name: {
    description: "Name of the hunt.",
    schema: { type: "string", pattern: "^[a-z0-9-]{3,80}$" },
    example: "office-starts-script-host",
    extensions: {
      "x-ms-summary": "Hunt",
      "x-ms-dynamic-values": {
        operationId: "ListHunts",
        "value-collection": "value",
        "value-path": "name",
        "value-title": "title",
      },
      "x-ms-dynamic-list": {
        operationId: "ListHunts",
        itemsPath: "value",
        itemValuePath: "name",
        itemTitlePath: "title",
      },
    },
  },
};

const summary = {
  name: "office-starts-script-host",
  title: "Office starts a script host",
  enabled: true,
  mode: "window",
  schedule: "0 17 * * * *",
  severity: "Medium",
  owner: "Detection team",
  state: "ok",
  reason: null,
  watermark: "2026-11-22T08:00:00.0000000Z",
  watermarkAgeSeconds: 2_520,
  version: 1,
  head: "hl_tenant=default/hl_hunt=office-starts-script-host/hl_version=1/hl_log=main/hl_date=2026-11-22/000000000017.ndjson.gz",
  schemaChange: {
    changedAt: "2026-11-21T15:00:00.0000000Z",
    seq: 3,
    gained: ["DeviceCategory"],
    lost: [],
    retyped: [],
  },
  suppressed: null,
  warnings: [],
};

const exportExample = {
  cursor: "v1.17",
  seq: 17,
  from: "2026-11-22T07:00:00.0000000Z",
  to: "2026-11-22T08:00:00.0000000Z",
  rows: 2,
  complete: "yes",
  blob: summary.head,
};

const columns = [
  { name: "Timestamp", type: "datetime" },
  { name: "DeviceName", type: "string" },
];

const row = { Timestamp: "2026-11-22T07:12:09.1234567Z", DeviceName: "ws-14.contoso.com" };

export const hunts: Readonly<Record<string, OperationDescription>> = {
  list_hunts: {
    operationId: "ListHunts",
    summary: "List hunts",
    description: "Lists every hunt with its health: how far it has exported, and what stops it.",
    tag,
    visibility: "important",
    responses: {
      200: {
        description: "Every hunt.",
        schema: "HuntList",
        example: { value: [summary], nextLink: null },
      },
    },
    problems: {},
  },
  get_hunt: {
    operationId: "GetHunt",
    summary: "Get a hunt",
    description:
      "Returns one hunt in full: its query, its columns, the reason for its mode, and its health.",
    tag,
    visibility: "advanced",
    path: huntPath,
    responses: {
      200: {
        description: "The hunt.",
        schema: "Hunt",
        example: {
          ...summary,
          description: "Office programs that start a script host.",
          modeReason: "every operator works row by row",
          tactics: ["Execution"],
          techniques: ["T1059"],
          tables: ["DeviceProcessEvents"],
          columns,
          format: "ndjson",
          runbook: "https://wiki.contoso.com/office-starts-script-host",
          falsePositives: ["Macros of the finance team"],
          reviewBy: "2027-06-30",
          parameters: [
            {
              name: "minStarts",
              type: "long",
              value: "long(1)",
              description: "Starts of one program.",
              canOverride: true,
            },
          ],
          known: [
            {
              where: 'DeviceName == "build-01"',
              until: "2027-01-01T00:00:00.0000000Z",
              why: "The build server runs scripts.",
            },
          ],
          intervalSeconds: 3_600,
          query: 'DeviceProcessEvents | where InitiatingProcessFileName =~ "winword.exe"',
        },
      },
    },
    problems: huntNotFound,
  },
  get_hunt_rows_schema: {
    operationId: "GetHuntRowsSchema",
    summary: "Get the schema of a hunt's rows",
    description:
      "Returns the JSON Schema of a hunt's rows. Designers read it to offer the columns.",
    tag,
    visibility: "internal",
    path: huntPath,
    responses: {
      200: {
        description: "The schema of ListHuntRows for this hunt.",
        schema: "HuntRowsSchema",
        example: {
          schema: {
            type: "object",
            properties: { value: { type: "array", items: { type: "object" } } },
          },
        },
      },
    },
    problems: huntNotFound,
  },
  when_a_hunt_has_new_rows: {
    operationId: "WhenAHuntHasNewRows",
    summary: "When a hunt has new rows",
    description:
      "Polls a hunt for exports with rows after a cursor, oldest first. The URL in Location continues after them; Retry-After is the time until the next poll.",
    tag,
    visibility: "important",
    path: huntPath,
    query: "exports",
    responses: {
      200: {
        description: "New exports. Location is the URL of the next poll.",
        schema: "ExportList",
        headers: ["Location", "Retry-After"],
        example: { value: [exportExample], nextLink: null, cursor: "v1.17" },
      },
      202: {
        description: "No new exports. Location is the URL of the next poll.",
        schema: "ExportList",
        headers: ["Location", "Retry-After"],
        example: { value: [], nextLink: null, cursor: "v1.17" },
      },
    },
    problems: {
      400: invalidRequest,
      ...huntNotFound,
      410: "The cursor is after the newest export. Poll again with `after=latest`.",
    },
    designer: {
      operation: {
        "x-ms-trigger": "batch",
        "x-ms-trigger-metadata": { kind: "query", mode: "polling" },
        "x-ms-trigger-hint": "To test it now, run the hunt when it has new rows.",
      },
      // A trigger starts with the next export, not with the whole log.
      parameters: { after: { required: true, default: "latest", "x-ms-visibility": "internal" } },
    },
  },
  list_hunt_rows: {
    operationId: "ListHuntRows",
    summary: "List the rows of an export",
    description: "Reads rows of one export as JSON, at most 1,000 at once.",
    tag,
    visibility: "important",
    path: {
      ...huntPath,
      seq: {
        description:
          "Number of the export within the newest version of the hunt's log, or a cursor such as v1.17.",
        schema: { type: "string", pattern: "^(?:v\\d{1,9}\\.)?\\d{1,12}$" },
        example: "17",
        extensions: { "x-ms-summary": "Sequence number" },
      },
    },
    query: "rows",
    responses: {
      200: {
        description: "Rows, with the columns of the hunt.",
        schema: "ExportRows",
        example: { seq: 17, value: [row], nextLink: null },
        extensions: {
          "x-ms-dynamic-schema": {
            operationId: "GetHuntRowsSchema",
            parameters: { name: { parameter: "name" } },
            "value-path": "schema",
          },
          "x-ms-dynamic-properties": {
            operationId: "GetHuntRowsSchema",
            parameters: { name: { parameterReference: "name" } },
            itemValuePath: "schema",
          },
        },
      },
    },
    problems: { 400: invalidRequest, 404: "No hunt has this name, or no export this number." },
  },
  run_hunt: {
    operationId: "RunHunt",
    summary: "Run a hunt",
    description:
      "Runs a hunt now, or, with from and to, exports a past time range again, to a separate path. The URL in Location returns the result.",
    tag,
    visibility: "important",
    path: huntPath,
    headers: idempotencyKey,
    body: {
      schema: "HuntRunRequest",
      required: false,
      example: { from: "2026-11-20T00:00:00Z", to: "2026-11-21T00:00:00Z" },
    },
    responses: {
      202: {
        description: "The run is enqueued. Location is the pre-signed URL of its job.",
        schema: "HuntStarted",
        headers: ["Location", "Operation-Location", "Retry-After"],
        example: {
          id: "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
          status: "running",
          result: null,
          error: null,
        },
      },
    },
    problems: {
      ...bodyProblems,
      ...huntNotFound,
      409: "The Idempotency-Key was used for another request.",
      422: "The time range cannot be exported, for the reason in detail.",
    },
  },
  start_overdue_hunts: {
    operationId: "StartOverdueHunts",
    summary: "Start overdue hunts",
    description:
      "Starts every overdue hunt: a second trigger beside the timers. A repetition has no effect.",
    tag,
    visibility: "advanced",
    responses: {
      200: {
        description: "The started hunts.",
        schema: "OverdueHuntsStarted",
        example: { started: [summary.name] },
      },
    },
    problems: {},
  },
};
