/** Analyzes a query: errors, tables, columns, clock use, obstacles to windows, shard key. */
import { addSuggestion } from "./suggest-names.ts";
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { analyzeClockUse } from "./clock-use.ts";
import { findFlowObstacles } from "./flow-obstacles.ts";
import { findKeyColumns } from "./key-columns.ts";
import type { Obstacle } from "./obstacles.ts";
import { parseQuery, walkTree, type KqlDiagnostic, type ParsedQuery } from "../language/parser.ts";
import { replacePlaceholders } from "./placeholders.ts";
import { toLineColumn } from "../language/position.ts";
import { listTableNames, findTableReads, type TableRead } from "./table-reads.ts";
import { findQueryEnd, type ShardKey } from "./rewrite.ts";
import { findScalarObstacles } from "./scalar-obstacles.ts";
import { listResults } from "../language/statements.ts";
import { publishedSchema, selectSchema, type QuerySchema } from "../language/schema.ts";
import type { Placeholder } from "./time-value.ts";
import { findTimeNames } from "./time-names.ts";

/** The facts that the build needs about one query. */
export interface Analysis {
  /** The text as its author wrote it. */
  readonly query: string;
  readonly parsed: ParsedQuery;
  /** Tables and functions that the query was checked against. */
  readonly schema: QuerySchema;
  /** Errors of the parser and of Huntline's own rules. If there are any, the rest is unreliable. */
  readonly errors: readonly KqlDiagnostic[];
  readonly warnings: readonly KqlDiagnostic[];
  readonly reads: readonly TableRead[];
  readonly tables: readonly string[];
  readonly columns: readonly HuntColumn[];
  /** Operators by Microsoft's names without `Operator`, each once, in the order of the text. */
  readonly operators: readonly string[];
  /** Reasons against windows, in the order of the text; empty if the query can run in windows. */
  readonly obstacles: readonly Obstacle[];
  readonly widestMs: number | undefined;
  readonly maxAgoMs: number | undefined;
  /** The result column that holds the event's own time. */
  readonly timeColumn: string | undefined;
  readonly shardedBy: ShardKey | undefined;
  readonly placeholders: readonly Placeholder[];
  /** Offset where the final expression ends, before a trailing `render`. */
  readonly end: number;
}

/** Analyzes a query against the published and declared tables. Never throws on bad KQL. */
export function analyzeQuery(query: string, declaredSchema = publishedSchema): Analysis {
  const schema = selectSchema(query, declaredSchema);
  const { text, placeholders, unknown } = replacePlaceholders(query);
  const parsed = parseQuery(text, schema);
  const { root } = parsed;
  const reads = findTableReads(root, schema);
  const tables = listTableNames(reads);
  const timeNames = findTimeNames(root, tables, schema);
  const clock = analyzeClockUse(text, root, timeNames, placeholders);
  const obstacles = sortByPosition([
    ...findFlowObstacles(text, root, schema),
    ...findScalarObstacles(text, root),
    ...findByNameObstacles(text, reads),
    ...clock.obstacles,
  ]);
  const timeColumn = parsed.columns.find(
    ({ name, type }) => timeNames.has(name) && type === "datetime",
  )?.name;
  return {
    query,
    parsed,
    schema,
    errors: [
      ...unknown.map((placeholder) => createPlaceholderError(query, placeholder)),
      ...parsed.diagnostics.map((diagnostic) => addSuggestion(query, diagnostic, declaredSchema)),
      ...findShapeErrors(parsed),
    ],
    warnings: findWarnings(parsed),
    reads,
    tables,
    columns: parsed.columns,
    operators: listOperators(parsed),
    obstacles,
    widestMs: clock.widestMs,
    maxAgoMs: clock.maxAgoMs,
    timeColumn,
    shardedBy: chooseShardKey(parsed, obstacles),
    placeholders,
    end: findQueryEnd(root),
  };
}

const sortByPosition = (obstacles: readonly Obstacle[]): readonly Obstacle[] =>
  obstacles.toSorted((a, b) => a.start - b.start);

const findByNameObstacles = (query: string, reads: readonly TableRead[]): readonly Obstacle[] => {
  const reportedReasons = new Set<string>();
  return reads.flatMap(({ restrict, reason, node }) => {
    if (restrict !== "never" || reportedReasons.has(reason)) return [];
    reportedReasons.add(reason);
    const { line } = toLineColumn(query, node.start);
    return [
      {
        cause: "byName",
        text: reason,
        start: node.start,
        line,
        isUnstable: false,
        isOverridable: false,
      } as const,
    ];
  });
};

/**
 * Chooses what shards are cut by. A shard keeps the rows whose key has one hash. Shards are parts
 * of one result only if every run gives the same rows: nothing random, and the whole row only if no
 * value is an aggregate that new events change.
 */
function chooseShardKey(
  { root }: ParsedQuery,
  obstacles: readonly Obstacle[],
): ShardKey | undefined {
  if (obstacles.some(({ isUnstable }) => isUnstable)) return undefined;
  const keys = findKeyColumns(root);
  if (keys.length > 0) return keys;
  const stableCauses = ["noTimestamp", "clock", "join", "subquery", "byName", "constant"];
  return obstacles.every(({ cause }) => stableCauses.includes(cause)) ? "wholeRow" : undefined;
}

const listOperators = ({ root }: ParsedQuery): readonly string[] => [
  ...new Set(
    [...walkTree(root)].flatMap(({ kind }) =>
      kind.endsWith("Operator") ? [kind.slice(0, -"Operator".length)] : [],
    ),
  ),
];

function findShapeErrors({
  root,
  text,
  diagnostics,
  columns,
}: ParsedQuery): readonly KqlDiagnostic[] {
  if (root.kind === "CommandBlock")
    return [createDiagnostic(text, root, "HL004", ["must be a query, not a management command"])];
  const resultExpressions = listResults(root);
  const second = resultExpressions[1];
  if (second)
    return [
      createDiagnostic(text, second, "HL001", ["must have one result; a second one begins here"]),
    ];
  const [result] = resultExpressions;
  return result === undefined || (columns.length === 0 && diagnostics.length === 0)
    ? [
        createDiagnostic(text, result ?? { start: 0, end: 0 }, "HL002", [
          "the query gives no table; end it with a tabular expression",
        ]),
      ]
    : [];
}

const createPlaceholderError = (
  query: string,
  { text, start }: { text: string; start: number },
): KqlDiagnostic =>
  createDiagnostic(query, { start, end: start + text.length }, "HL003", [
    `${text} is a placeholder;`,
    "only {{StartTimeISO}} and {{EndTimeISO}} are filled",
  ]);

const findWarnings = ({ root, text }: ParsedQuery): readonly KqlDiagnostic[] =>
  [...walkTree(root)]
    .filter(({ kind }) => kind === "ExternalDataExpression")
    .map((node) =>
      createDiagnostic(text, node, "HL101", [
        "externaldata reads a file at every run: its owner decides what the hunt finds",
      ]),
    );

const createDiagnostic = (
  text: string,
  { start, end }: Pick<KqlDiagnostic, "start" | "end">,
  code: string,
  sentences: readonly string[],
): KqlDiagnostic => ({
  code,
  message: sentences.join(" "),
  start,
  end,
  ...toLineColumn(text, start),
});
