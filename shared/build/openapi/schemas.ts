/**
 * The schemas of `shared/contracts` under their names in the description. Requests and queries are
 * validated with these schemas; a test checks live answers against the others.
 */
import * as z from "zod/mini";
import {
  alertStatusAnswer,
  verdictAccepted,
  verdictDryRun,
  verdictStatusAnswer,
  verdictUndone,
} from "../../contracts/alert-answers.ts";
import { undoRequest, verdictRequest } from "../../contracts/alert-verdict.ts";
import {
  alertHistory,
  deliveryList,
  quotaList,
  trendList,
  verdictList,
} from "../../contracts/console-answers.ts";
import { deadLetterAnswer, deadLetterFilter, replayRequest } from "../../contracts/dead-letter.ts";
import {
  explicitLookupSchema,
  lookupOptionsSchema,
  thresholdsSchema,
} from "../../contracts/file-lookup.ts";
import {
  fileInformationSchema,
  fileReportSchema,
  fileResultSchema,
  fileStatisticsSchema,
  prevalenceSchema,
  skippedSchema,
} from "../../contracts/file-result.ts";
import {
  attackLayer,
  exportNewsAnswer,
  exportRowsAnswer,
  huntDetail,
  huntJobResult,
  huntList,
  huntStanding,
  huntStarted,
  overdueHuntsStarted,
  huntSummary,
  listedExport,
  rowsSchemaAnswer,
} from "../../contracts/hunt-answers.ts";
import { startHuntRequest } from "../../contracts/hunt-run.ts";
import { exportsParameters, rowsParameters } from "../../contracts/hunt-views.ts";
import { fileLookupAnswer, jobAnswer } from "../../contracts/job-answers.ts";
import { deliveryParameters, listParameters } from "../../contracts/list-parameters.ts";
import {
  deadLetterReplayResult,
  deadLetterList,
  healthAnswer,
  healthStatus,
  problemAnswer,
} from "../../contracts/operations-answers.ts";
import { webhookAnswer, webhookStatus } from "../../contracts/webhook.ts";

const anyObject = z.record(z.string(), z.unknown());

const responses = {
  AlertHistory: alertHistory,
  DeliveryList: deliveryList,
  QuotaList: quotaList,
  TrendList: trendList,
  VerdictList: verdictList,
  AlertStatus: alertStatusAnswer,
  ApiDescription: anyObject,
  AttackLayer: attackLayer,
  DeadLetter: deadLetterAnswer,
  DeadLetterList: deadLetterList,
  DeadLetterReplayResult: deadLetterReplayResult,
  Export: listedExport,
  ExportList: exportNewsAnswer,
  ExportRows: exportRowsAnswer,
  FileInformation: fileInformationSchema,
  FileLookupAnswer: fileLookupAnswer,
  FilePrevalence: prevalenceSchema,
  FileReport: fileReportSchema,
  FileResult: fileResultSchema,
  FileStatistics: fileStatisticsSchema,
  HealthReport: healthAnswer,
  HealthStatus: healthStatus,
  Hunt: huntDetail,
  HuntJobResult: huntJobResult,
  HuntList: huntList,
  HuntRowsSchema: rowsSchemaAnswer,
  HuntStanding: huntStanding,
  HuntStarted: huntStarted,
  HuntSummary: huntSummary,
  OverdueHuntsStarted: overdueHuntsStarted,
  Job: jobAnswer,
  Problem: problemAnswer,
  SkippedHash: skippedSchema,
  VerdictAccepted: verdictAccepted,
  VerdictDryRun: verdictDryRun,
  VerdictStatus: verdictStatusAnswer,
  VerdictUndone: verdictUndone,
  WebhookAnswer: webhookAnswer,
  WebhookStatus: webhookStatus,
};

const requests = {
  DeadLetterReplay: replayRequest,
  FileLookup: explicitLookupSchema,
  Thresholds: thresholdsSchema,
  HuntRunRequest: startHuntRequest,
  VerdictRequest: verdictRequest,
  UndoRequest: undoRequest,
  WebhookPayload: anyObject,
};

const { lookBackHours, where, all } = lookupOptionsSchema.shape;
const key = z.object({ key: z.string() });

const queries = {
  list: listParameters,
  deliveries: deliveryParameters,
  exports: exportsParameters,
  rows: rowsParameters,
  lookup: z.object({
    lookBackHours: z.optional(lookBackHours),
    include: z.optional(z.literal("information")),
    where: z.optional(where),
    all: z.optional(all),
    ...thresholdsSchema.shape,
  }),
  deadLetters: deadLetterFilter,
  signedAddress: key,
  job: z.object({ ...key.shape, partial: z.optional(z.boolean()) }),
};

export type ResponseName = keyof typeof responses;
export type RequestName = keyof typeof requests;
export type QueryName = keyof typeof queries;

/** JSON Schema, as plain data. */
export type Json = Readonly<Record<string, unknown>>;

type NamedSchemas = Readonly<Record<string, z.core.$ZodType>>;

/** What is answered may gain fields some day; what is sent may not. */
const allowUnknownFields = ({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void => {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
};
const keepUnchanged = (): void => undefined;

function toJsonSchemas(schemas: NamedSchemas, io: "input" | "output"): Record<string, Json> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const toUri = (id: string): string => `#/components/schemas/${id}`;
  const generated = z.toJSONSchema(registry, {
    uri: toUri,
    io,
    unrepresentable: "any",
    override: io === "output" ? allowUnknownFields : keepUnchanged,
  });
  return Object.fromEntries(
    Object.entries(generated.schemas).map(([name, { $schema: _$schema, $id: _$id, ...schema }]) => [
      name,
      schema,
    ]),
  );
}

/**
 * Every named schema as JSON Schema 2020-12: what is sent as it may be written, what is answered as
 * it is read.
 */
export const createComponentSchemas = (): Record<string, Json> => ({
  ...toJsonSchemas(responses, "output"),
  ...toJsonSchemas(requests, "input"),
});

/** The parameters of a query: each with its schema and whether it must be there. */
export function listQueryParameters(
  name: QueryName,
): readonly { name: string; schema: Json; required: boolean }[] {
  const { properties = {}, required = [] } = z.toJSONSchema(queries[name], { io: "output" });
  return Object.entries(properties).map(([parameter, schema]) => ({
    name: parameter,
    schema: schema as Json,
    required: required.includes(parameter) && !Object.hasOwn(schema as Json, "default"),
  }));
}
