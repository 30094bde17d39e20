/** Generates the JSON schema of a hunt's file, which editors use to complete and check keys. */
import * as z from "zod/mini";
import { huntDefinition } from "../../contracts/hunt-definition.ts";

/** What each key of Huntline means, for an editor's hover text. */
const keyDescriptions: Readonly<Record<string, string>> = {
  name: "Title of the hunt; default: the file name.",
  description: "What the hunt finds and how to read its result.",
  severity: "High, Medium, Low or Informational.",
  tactics: "Tactics of MITRE ATT&CK, such as InitialAccess.",
  relevantTechniques: "Techniques of MITRE ATT&CK, such as T1059.001.",
  query: "KQL text over the tables of advanced hunting.",
  queryFrequency: "How often the hunt runs, such as PT1H or 1h, unless schedule is set.",
  queryPeriod: "How far back the first run reads, such as P1D or 1d, unless lookBack is set.",
  schedule: "NCRONTAB with six fields in UTC, or %APP_SETTING%.",
  mode: "window: each row is exported once. snapshot: the whole result at each run.",
  lookBack: "Start of the first window, or the span that a snapshot reads.",
  lag: "Rows younger than this are not read yet. Default PT15M.",
  settle:
    "How long a window is watched for late rows. Default: the longer of 3 intervals and PT4H.",
  format: "Format of the exports.",
  enrich: "A result column with SHA-1s; each row gains the file's statistics.",
  enabled: "Only enabled hunts get a timer. Default true.",
  parameters: "Typed values with defaults, which tenants may override: name: { type, default }.",
  known: "Expected rows, left out until an instant: where, until and why.",
  owner: "Who answers for the hunt.",
  runbook: "What to do with a result, or a link to it.",
  falsePositives: "Results that are expected to be harmless.",
  reviewBy: "Day by which the hunt must be reviewed, such as 2026-12-31.",
  tenants: "Names of the tenants in which the hunt runs. Default: all.",
  tests: "Test cases for npm run hunts -- test.",
};

interface JsonSchema extends Record<string, unknown> {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** Returns the schema as JSON text. */
export function formatHuntSchema(): string {
  const schema = z.toJSONSchema(huntDefinition, { io: "input" }) as JsonSchema;
  const properties = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const description = keyDescriptions[key];
    return [key, description === undefined ? value : { description, ...value }] as const;
  });
  const { $schema, ...rest } = schema;
  const document = {
    $schema,
    title: "A hunt of Huntline",
    ...rest,
    properties: Object.fromEntries(properties),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
