/** The four generations of the hunting API, as data. */
import type { Resource } from "../entra/directory.ts";
import {
  defenderFamily,
  createDefenderHeaders,
  graphFamily,
  createGraphHeaders,
  type ErrorFamily,
} from "../server/families.ts";
import type { Exchange } from "../server/exchange.ts";
import type { Behaviors } from "../behaviors.ts";
import { createHourAndDayBudgets, slotMs, type Budget } from "./budgets.ts";
import { createGraphRowWriter } from "./encode-graph.ts";
import { createPlainRowWriter, type RowWriter } from "./encode-plain.ts";
import type { Column, KqlType } from "./evaluation.ts";

type HuntingBehaviors = Behaviors["hunting"];

/** The differences between generations of the API. */
export interface BackEnd {
  readonly name: "graph" | "xdr" | "defender" | "legacy";
  readonly pattern: string;
  readonly resource: Resource;
  readonly role: string;
  readonly family: ErrorFamily;
  /** Accepted names of the query in the body. */
  readonly queryKeys: readonly string[];
  /** True if the body may have a `Timespan`. */
  readonly hasTimespan: boolean;
  readonly canRetire: boolean;
  readonly readRowCap: (behaviors: HuntingBehaviors) => number;
  readonly listBudgets: (behaviors: HuntingBehaviors) => readonly Budget[];
  readonly createRowWriter: (columns: readonly Column[], behaviors: HuntingBehaviors) => RowWriter;
  readonly createHeaders: (exchange: Exchange) => Record<string, string>;
  /** Text before the rows and after them. */
  readonly createEnvelope: (
    columns: readonly Column[],
    isEmpty: boolean,
    behaviors: HuntingBehaviors,
  ) => readonly [string, string];
}

const typeNames: Record<KqlType, string> = {
  string: "String",
  long: "Int64",
  int: "Int32",
  real: "Double",
  bool: "SByte",
  datetime: "DateTime",
  timespan: "TimeSpan",
  dynamic: "Object",
  guid: "Guid",
  decimal: "Decimal",
};

const toTypeName = (type: KqlType, behaviors: HuntingBehaviors, isPlain: boolean): string =>
  isPlain && type === "bool" && behaviors.plainBooleans === "boolean" ? "Boolean" : typeNames[type];

function createPlainEnvelope(head: string): BackEnd["createEnvelope"] {
  return (columns, isEmpty, behaviors) => {
    const schema = columns.map(({ name, type }) => ({
      Name: name,
      Type: toTypeName(type, behaviors, true),
    }));
    return frameResults(head, "Schema", "Results", schema, isEmpty && behaviors.emptyAnswers);
  };
}

/** Joins schema and results in one object; an empty answer may omit either. */
function frameResults(
  head: string,
  schemaKey: string,
  resultsKey: string,
  schema: readonly unknown[],
  empty: false | HuntingBehaviors["emptyAnswers"],
): readonly [string, string] {
  const schemaText = empty === "no-schema" ? "" : `"${schemaKey}":${JSON.stringify(schema)}`;
  if (empty === "no-results") return [`{${head}${schemaText}`, "}"];
  return [`{${head}${schemaText}${schemaText === "" ? "" : ","}"${resultsKey}":[`, "]}"];
}

const graphContext =
  '"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults",';

const stats = JSON.stringify({
  ExecutionTime: 0.2,
  resource_usage: {
    cache: {
      memory: { hits: 90, misses: 10, total: 100 },
      disk: { hits: 8, misses: 2, total: 10 },
    },
    cpu: { user: "00:00:00.1718750", kernel: "00:00:00.0312500", "total cpu": "00:00:00.2031250" },
    memory: { peak_per_node: 1_048_576 },
  },
  dataset_statistics: [{ table_row_count: 0, table_size: 0 }],
});

const listCpuBudgets = (behaviors: HuntingBehaviors): Budget[] => [
  { kind: "slot", perMs: slotMs, maxMs: behaviors.cpuMsPerSlot },
];

const defender = {
  resource: "defender",
  role: "AdvancedQuery.Read.All",
  family: defenderFamily,
  queryKeys: ["Query"],
  hasTimespan: false,
  canRetire: true,
  createHeaders: createDefenderHeaders,
} as const;

export const backEnds: readonly BackEnd[] = [
  {
    name: "graph",
    pattern: "/v1.0/security/runHuntingQuery",
    resource: "graph",
    role: "ThreatHunting.Read.All",
    family: graphFamily,
    queryKeys: ["Query", "query"],
    hasTimespan: true,
    canRetire: false,
    readRowCap: (behaviors) => behaviors.rowCap,
    listBudgets: listCpuBudgets,
    createRowWriter: createGraphRowWriter,
    createHeaders: createGraphHeaders,
    createEnvelope: (columns, isEmpty, behaviors) => {
      const schema = columns.map(({ name, type }) => ({
        name,
        type: toTypeName(type, behaviors, false),
      }));
      return frameResults(
        graphContext,
        "schema",
        "results",
        schema,
        isEmpty && behaviors.emptyAnswers,
      );
    },
  },
  {
    ...defender,
    name: "xdr",
    pattern: "/api/advancedhunting/run",
    resource: "xdr",
    role: "AdvancedHunting.Read.All",
    readRowCap: (behaviors) => behaviors.rowCap,
    listBudgets: listCpuBudgets,
    createRowWriter: (columns, behaviors) => createPlainRowWriter(columns, behaviors, false),
    createEnvelope: createPlainEnvelope(`"Stats":${stats},`),
  },
  {
    ...defender,
    name: "defender",
    pattern: "/api/advancedqueries/run",
    readRowCap: (behaviors) => behaviors.rowCap,
    listBudgets: (behaviors) =>
      createHourAndDayBudgets(behaviors.runTimeMsPerHour, behaviors.runTimeMsPerDay),
    createRowWriter: (columns, behaviors) => createPlainRowWriter(columns, behaviors, false),
    createEnvelope: createPlainEnvelope(""),
  },
  {
    ...defender,
    name: "legacy",
    pattern: "/advancedqueries/query",
    readRowCap: (behaviors) => Math.min(behaviors.rowCap, behaviors.legacyRowCap),
    listBudgets: (behaviors) =>
      createHourAndDayBudgets(behaviors.legacyRunTimeMsPerHour, behaviors.legacyRunTimeMsPerDay),
    createRowWriter: (columns, behaviors) => createPlainRowWriter(columns, behaviors, true),
    createEnvelope: createPlainEnvelope(""),
  },
];

/** Answer of the retired APIs; the status is not documented, so a behavior selects it. */
export const retiredText =
  "This API has been retired. Use the Microsoft Graph security API instead.";
