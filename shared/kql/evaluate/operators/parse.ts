/** parse and parse-where: columns out of text by a pattern of literals and names. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn, KqlType } from "../../../contracts/compiled-hunt.ts";
import { asText, convertScalar } from "../coerce.ts";
import { requireRegex } from "../comparisons.ts";
import { readName } from "../names.ts";
import { createConstant, withColumns, type Row, type Table } from "../plan.ts";
import { requireChild } from "../scalar.ts";
import { getEmptyValue } from "../values.ts";
import { readType } from "../type-names.ts";
import { readParameter } from "./parameters.ts";
import type { Operator } from "./rows.ts";

const createParseOperator =
  (requiresMatch: boolean): Operator =>
  (node, input, scope) => {
    const text = asText(
      scope.compile.scalar(requireChild(node, "Expression"), withColumns(scope, input.columns)),
    );
    const pieces = (childAt(node, "Patterns")?.children ?? []).map(readPiece);
    const kind = readParameter(node, "kind") ?? "simple";
    const pattern = createPattern(pieces, kind, readParameter(node, "flags") ?? "");
    const columns = pieces.flatMap((piece) => (piece.column ? [piece.column] : []));
    const isStrict = kind !== "relaxed";
    return addColumns(input, columns, requiresMatch, (row) =>
      readValues(pattern.exec(text.run(row)), columns, isStrict),
    );
  };

export const evaluateParse = createParseOperator(false);
export const evaluateParseWhere = createParseOperator(true);

interface PatternPiece {
  readonly column?: HuntColumn;
  readonly literal?: string;
}

function readPiece(node: KqlNode): PatternPiece {
  if (node.kind === "NameAndTypeDeclaration")
    return {
      column: {
        name: readName(requireChild(node, "Name")),
        type: readType(requireChild(node, "Type")) ?? "string",
      },
    };
  if (node.kind === "NameDeclaration") return { column: { name: readName(node), type: "string" } };
  return node.kind === "StarExpression" ? {} : { literal: childAt(node, "Token")?.value ?? "" };
}

/** Groups of a regular expression capture nothing; escapes and classes stay as they are. */
const dropGroups = (pattern: string): string =>
  pattern.replaceAll(/\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|\((?!\?)/g, (part) =>
    part === "(" ? "(?:" : part,
  );

const escapeRegex = (text: string): string =>
  text.replace(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
const typePatterns: Partial<Record<KqlType, string>> = {
  long: String.raw`-?\d+`,
  int: String.raw`-?\d+`,
  real: String.raw`-?[\d.]+(?:[eE][+-]?\d+)?`,
};

/**
 * In simple mode a named piece takes as little as it can and the last one takes the rest; in regex
 * mode it takes as much as it can, unless the flag `U` inverts that. A number takes its digits; in
 * relaxed mode other text is taken too and gives null.
 */
function createPattern(pieces: readonly PatternPiece[], kind: string, flags: string): RegExp {
  const isGreedy = kind === "regex" && !flags.includes("U");
  const parts = pieces.map(({ column, literal }, index) => {
    if (literal !== undefined)
      return kind === "regex" ? `(?:${dropGroups(literal)})` : escapeRegex(literal);
    const isLast = index === pieces.length - 1;
    const rest = isLast || isGreedy ? String.raw`[\s\S]*` : String.raw`[\s\S]*?`;
    if (column === undefined) return rest;
    const typed = typePatterns[column.type];
    if (typed === undefined) return `(${rest})`;
    return kind === "relaxed" ? `(${typed}|${rest})` : `(${typed})`;
  });
  return requireRegex(`^${parts.join("")}$`, flags.replace(/[^ims]/g, ""));
}

/** Converts the groups; null if a value does not fit its type and the mode is strict. */
function readValues(
  groups: RegExpExecArray | null,
  columns: readonly HuntColumn[],
  isStrict: boolean,
): readonly unknown[] | null {
  if (groups === null) return null;
  const values = columns.map(({ type }, index) => toValue(groups[index + 1], type));
  return isStrict && values.includes(null) ? null : values;
}

/** The input with the found columns: in place where the name is there, else at the end. */
export function addColumns(
  input: Table,
  parsedColumns: readonly HuntColumn[],
  requiresMatch: boolean,
  match: (row: Row) => readonly unknown[] | null,
): Table {
  const columns = [...input.columns];
  const columnIndexes = parsedColumns.map((column) => {
    const columnIndex = columns.findIndex(({ name }) => name === column.name);
    if (columnIndex >= 0) columns[columnIndex] = column;
    return columnIndex >= 0 ? columnIndex : columns.push(column) - 1;
  });
  const yieldRows = function* (): Generator<Row> {
    for (const row of input.rows()) {
      const values = match(row);
      if (values === null && requiresMatch) continue;
      const out = [...row];
      for (const [index, column] of parsedColumns.entries())
        out[columnIndexes[index] ?? 0] = values?.[index] ?? getEmptyValue(column.type);
      yield out;
    }
  };
  return { columns, isSerialized: input.isSerialized, rows: yieldRows };
}

const toValue = (text: string | undefined, type: KqlType): unknown =>
  text === undefined
    ? getEmptyValue(type)
    : convertScalar(createConstant("string", text), type).run([]);
