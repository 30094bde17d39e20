/** Everything the build learns of a query before it is cut into pieces. */
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
import type { Placeholder } from "./time-value.ts";
import { findTimeNames } from "./time-names.ts";

/** A query understood. */
export interface Analysis {
  /** As its author wrote it. */
  readonly query: string;
  readonly parsed: ParsedQuery;
  /** Errors: of the parser, and of what a hunt may not be. With any of these the rest means little. */
  readonly errors: readonly KqlDiagnostic[];
  readonly warnings: readonly KqlDiagnostic[];
  readonly reads: readonly TableRead[];
  readonly tables: readonly string[];
  readonly columns: readonly HuntColumn[];
  /** The operators it uses, in Microsoft's words without `Operator`, each once, in the order of the text. */
  readonly operators: readonly string[];
  /** Reasons against windows, in the order of the text; none means that windows are sound. */
  readonly obstacles: readonly Obstacle[];
  readonly widestMs: number | undefined;
  readonly maxAgoMs: number | undefined;
  /** The result's column that still is the event's own time. */
  readonly timeColumn: string | undefined;
  readonly shardedBy: ShardKey | undefined;
  readonly placeholders: readonly Placeholder[];
  /** Offset where the final expression ends, before a trailing `render`. */
  readonly end: number;
}

/** Reads a query and judges it. Never throws on bad KQL. */
export function analyzeQuery(query: string): Analysis {
  const { text, placeholders, unknown } = replacePlaceholders(query);
  const parsed = parseQuery(text);
  const { root } = parsed;
  const reads = findTableReads(root);
  const tables = listTableNames(reads);
  const timeNames = findTimeNames(root, tables);
  const clock = analyzeClockUse(text, root, timeNames, placeholders);
  const obstacles = sortByPosition([
    ...findFlowObstacles(text, root),
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
    errors: [
      ...unknown.map((placeholder) => createPlaceholderError(query, placeholder)),
      ...parsed.diagnostics,
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
        cause: "by-name",
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
 * A shard keeps the rows whose key has one hash. That is a part of one result only when every asking gives the same
 * rows; so nothing random, and by the whole row only when no value of a row is an aggregate that new events change.
 */
function chooseShardKey(
  { root }: ParsedQuery,
  obstacles: readonly Obstacle[],
): ShardKey | undefined {
  if (obstacles.some(({ isUnstable }) => isUnstable)) return undefined;
  const keys = findKeyColumns(root);
  if (keys.length > 0) return keys;
  const stableCauses = ["no-timestamp", "clock", "join", "subquery", "by-name", "constant"];
  return obstacles.every(({ cause }) => stableCauses.includes(cause)) ? "whole row" : undefined;
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
    return [
      createDiagnostic(
        text,
        root.start,
        root.end,
        "HL004",
        "a management command; a hunt is a query that reads",
      ),
    ];
  const resultExpressions = listResults(root);
  const second = resultExpressions[1];
  if (second)
    return [
      createDiagnostic(
        text,
        second.start,
        second.end,
        "HL001",
        "a hunt has one result; here a second one begins",
      ),
    ];
  if (resultExpressions.length === 0)
    return [
      createDiagnostic(
        text,
        0,
        0,
        "HL002",
        "the query gives no table; end it with a tabular expression",
      ),
    ];
  return columns.length === 0 && diagnostics.length === 0
    ? [
        createDiagnostic(
          text,
          resultExpressions[0]?.start ?? 0,
          resultExpressions[0]?.end ?? 0,
          "HL002",
          "the query gives no table; end it with a tabular expression",
        ),
      ]
    : [];
}

const createPlaceholderError = (
  query: string,
  { text, start }: { text: string; start: number },
): KqlDiagnostic =>
  createDiagnostic(
    query,
    start,
    start + text.length,
    "HL003",
    `${text} is a placeholder; only {{StartTimeISO}} and {{EndTimeISO}} are filled`,
  );

const findWarnings = ({ root, text }: ParsedQuery): readonly KqlDiagnostic[] =>
  [...walkTree(root)]
    .filter(({ kind }) => kind === "ExternalDataExpression")
    .map(({ start, end }) =>
      createDiagnostic(
        text,
        start,
        end,
        "HL101",
        "externaldata reads from outside at every run: its owner decides what the hunt finds",
      ),
    );

const createDiagnostic = (
  text: string,
  start: number,
  end: number,
  code: string,
  message: string,
): KqlDiagnostic => ({
  code,
  message,
  start,
  end,
  ...toLineColumn(text, start),
});
