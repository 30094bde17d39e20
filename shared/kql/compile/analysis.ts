/** Everything the build learns of a query before it is cut into pieces. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { clockUse } from "./clock.ts";
import { flowObstacles } from "./flow.ts";
import { keyColumns } from "./keys.ts";
import type { Obstacle } from "./obstacles.ts";
import { parse, walk, type KqlDiagnostic, type ParsedQuery } from "../language/parser.ts";
import { placed } from "./placeholders.ts";
import { lineColumn } from "../language/position.ts";
import { tableNames, tableReads, type TableRead } from "./reads.ts";
import { endOf, type ShardKey } from "./rewrite.ts";
import { scalarObstacles } from "./scalars.ts";
import { results } from "../language/statements.ts";
import type { Placeholder } from "./time-value.ts";
import { timeNames } from "./time-names.ts";

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
  readonly longestAgoMs: number | undefined;
  /** The result's column that still is the event's own time. */
  readonly timeColumn: string | undefined;
  readonly shardedBy: ShardKey | undefined;
  readonly placeholders: readonly Placeholder[];
  /** Offset where the final expression ends, before a trailing `render`. */
  readonly end: number;
}

/** Reads a query and judges it. Never throws on bad KQL. */
export function analyse(query: string): Analysis {
  const { text, placeholders, unknown } = placed(query);
  const parsed = parse(text);
  const { root } = parsed;
  const reads = tableReads(root);
  const tables = tableNames(reads);
  const times = timeNames(root, tables);
  const clock = clockUse(text, root, times, placeholders);
  const obstacles = inOrder([
    ...flowObstacles(text, root),
    ...scalarObstacles(text, root),
    ...byNameObstacles(text, reads),
    ...clock.obstacles,
  ]);
  const timeColumn = parsed.columns.find(
    ({ name, type }) => times.has(name) && type === "datetime",
  )?.name;
  return {
    query,
    parsed,
    errors: [
      ...unknown.map((found) => unknownPlaceholder(query, found)),
      ...parsed.diagnostics,
      ...shapeErrors(parsed),
    ],
    warnings: warningsOf(parsed),
    reads,
    tables,
    columns: parsed.columns,
    operators: operatorsOf(parsed),
    obstacles,
    widestMs: clock.widestMs,
    longestAgoMs: clock.longestAgoMs,
    timeColumn,
    shardedBy: shardKey(parsed, obstacles),
    placeholders,
    end: endOf(root),
  };
}

const inOrder = (obstacles: readonly Obstacle[]): readonly Obstacle[] =>
  obstacles.toSorted((a, b) => a.start - b.start);

const byNameObstacles = (query: string, reads: readonly TableRead[]): readonly Obstacle[] => {
  const seen = new Set<string>();
  return reads.flatMap(({ restrict, why, node }) => {
    if (restrict !== "never" || seen.has(why)) return [];
    seen.add(why);
    const { line } = lineColumn(query, node.start);
    return [
      {
        cause: "by-name",
        text: why,
        start: node.start,
        line,
        unstable: false,
        overridable: false,
      } as const,
    ];
  });
};

/**
 * A shard keeps the rows whose key has one hash. That is a part of one result only when every asking gives the same
 * rows; so nothing random, and by the whole row only when no value of a row is an aggregate that new events change.
 */
function shardKey({ root }: ParsedQuery, obstacles: readonly Obstacle[]): ShardKey | undefined {
  if (obstacles.some(({ unstable }) => unstable)) return undefined;
  const keys = keyColumns(root);
  if (keys.length > 0) return keys;
  const rowValuesHold = ["no-timestamp", "clock", "join", "subquery", "by-name", "constant"];
  return obstacles.every(({ cause }) => rowValuesHold.includes(cause)) ? "whole row" : undefined;
}

const operatorsOf = ({ root }: ParsedQuery): readonly string[] => [
  ...new Set(
    [...walk(root)].flatMap(({ kind }) =>
      kind.endsWith("Operator") ? [kind.slice(0, -"Operator".length)] : [],
    ),
  ),
];

function shapeErrors({ root, text, diagnostics, columns }: ParsedQuery): readonly KqlDiagnostic[] {
  if (root.kind === "CommandBlock")
    return [
      at(text, root.start, root.end, "HL004", "a management command; a hunt is a query that reads"),
    ];
  const found = results(root);
  const second = found[1];
  if (second)
    return [
      at(
        text,
        second.start,
        second.end,
        "HL001",
        "a hunt has one result; here a second one begins",
      ),
    ];
  if (found.length === 0)
    return [at(text, 0, 0, "HL002", "the query gives no table; end it with a tabular expression")];
  return columns.length === 0 && diagnostics.length === 0
    ? [
        at(
          text,
          found[0]?.start ?? 0,
          found[0]?.end ?? 0,
          "HL002",
          "the query gives no table; end it with a tabular expression",
        ),
      ]
    : [];
}

const unknownPlaceholder = (
  query: string,
  { text, start }: { text: string; start: number },
): KqlDiagnostic =>
  at(
    query,
    start,
    start + text.length,
    "HL003",
    `${text} is a placeholder; only {{StartTimeISO}} and {{EndTimeISO}} are filled`,
  );

const warningsOf = ({ root, text }: ParsedQuery): readonly KqlDiagnostic[] =>
  [...walk(root)]
    .filter(({ kind }) => kind === "ExternalDataExpression")
    .map(({ start, end }) =>
      at(
        text,
        start,
        end,
        "HL101",
        "externaldata reads from outside at every run: its owner decides what the hunt finds",
      ),
    );

const at = (
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
  ...lineColumn(text, start),
});
