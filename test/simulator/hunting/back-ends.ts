/** The four generations of the hunting API, as data. */
import type { Resource } from "../entra/directory.ts";
import {
  defenderFamily,
  defenderHeaders,
  graphFamily,
  graphHeaders,
  type ErrorFamily,
} from "../server/families.ts";
import type { Exchange } from "../server/exchange.ts";
import type { Switches } from "../behaviors.ts";
import { hourAndDay, slotMs, type Budget } from "./budgets.ts";
import { graphRows } from "./encode-graph.ts";
import { plainRows, type RowWriter } from "./encode-plain.ts";
import type { Column, KqlType } from "./evaluation.ts";

type HuntingSwitches = Switches["hunting"];

/** What sets one generation apart from the others. */
export interface BackEnd {
  readonly name: "graph" | "xdr" | "defender" | "legacy";
  readonly pattern: string;
  readonly resource: Resource;
  readonly role: string;
  readonly family: ErrorFamily;
  /** Names under which the body may carry the query. */
  readonly queryKeys: readonly string[];
  /** Whether the body may carry a `Timespan`. */
  readonly timespan: boolean;
  readonly retires: boolean;
  readonly rowCap: (switches: HuntingSwitches) => number;
  readonly budgets: (switches: HuntingSwitches) => readonly Budget[];
  readonly rows: (columns: readonly Column[], switches: HuntingSwitches) => RowWriter;
  readonly headers: (exchange: Exchange) => Record<string, string>;
  /** Text before the rows and after them. */
  readonly envelope: (
    columns: readonly Column[],
    empty: boolean,
    switches: HuntingSwitches,
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

const typeName = (type: KqlType, switches: HuntingSwitches, plain: boolean): string =>
  plain && type === "bool" && switches.plainBooleans === "boolean" ? "Boolean" : typeNames[type];

function plainEnvelope(head: string): BackEnd["envelope"] {
  return (columns, empty, switches) => {
    const schema = columns.map(({ name, type }) => ({
      Name: name,
      Type: typeName(type, switches, true),
    }));
    return framed(head, "Schema", "Results", schema, empty && switches.emptyAnswers);
  };
}

/** Puts schema and results into one object; an empty answer may lack either. */
function framed(
  head: string,
  schemaKey: string,
  resultsKey: string,
  schema: readonly unknown[],
  empty: false | HuntingSwitches["emptyAnswers"],
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

const cpuSlots = (switches: HuntingSwitches): Budget[] => [
  { kind: "slot", perMs: slotMs, mostMs: switches.cpuMsPerSlot },
];

const defender = {
  resource: "defender",
  role: "AdvancedQuery.Read.All",
  family: defenderFamily,
  queryKeys: ["Query"],
  timespan: false,
  retires: true,
  headers: defenderHeaders,
} as const;

export const backEnds: readonly BackEnd[] = [
  {
    name: "graph",
    pattern: "/v1.0/security/runHuntingQuery",
    resource: "graph",
    role: "ThreatHunting.Read.All",
    family: graphFamily,
    queryKeys: ["Query", "query"],
    timespan: true,
    retires: false,
    rowCap: (switches) => switches.rowCap,
    budgets: cpuSlots,
    rows: graphRows,
    headers: graphHeaders,
    envelope: (columns, empty, switches) => {
      const schema = columns.map(({ name, type }) => ({
        name,
        type: typeName(type, switches, false),
      }));
      return framed(graphContext, "schema", "results", schema, empty && switches.emptyAnswers);
    },
  },
  {
    ...defender,
    name: "xdr",
    pattern: "/api/advancedhunting/run",
    resource: "xdr",
    role: "AdvancedHunting.Read.All",
    rowCap: (switches) => switches.rowCap,
    budgets: cpuSlots,
    rows: (columns, switches) => plainRows(columns, switches, false),
    envelope: plainEnvelope(`"Stats":${stats},`),
  },
  {
    ...defender,
    name: "defender",
    pattern: "/api/advancedqueries/run",
    rowCap: (switches) => switches.rowCap,
    budgets: (switches) => hourAndDay(switches.runTimeMsPerHour, switches.runTimeMsPerDay),
    rows: (columns, switches) => plainRows(columns, switches, false),
    envelope: plainEnvelope(""),
  },
  {
    ...defender,
    name: "legacy",
    pattern: "/advancedqueries/query",
    rowCap: (switches) => Math.min(switches.rowCap, switches.legacyRowCap),
    budgets: (switches) =>
      hourAndDay(switches.legacyRunTimeMsPerHour, switches.legacyRunTimeMsPerDay),
    rows: (columns, switches) => plainRows(columns, switches, true),
    envelope: plainEnvelope(""),
  },
];

/** What the retired APIs say; the status is anyone's guess, so a switch picks it. */
export const retiredText =
  "This API has been retired. Use the Microsoft Graph security API instead.";
