/** parse and parse-where: columns out of text by a pattern of literals and names. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn, KqlType } from "../../../contracts/compiled-hunt.ts";
import { emptyValue } from "../../../../test/simulator/dataset/schema.ts";
import { asText, convert } from "../coerce.ts";
import { mustRegex } from "../comparisons.ts";
import { simpleName } from "../names.ts";
import { constant, withColumns, type Row, type Table } from "../plan.ts";
import { part } from "../scalar.ts";
import { typeOf } from "../type-names.ts";
import { parameterOf } from "./parameters.ts";
import type { Operator } from "./rows.ts";

const parser =
  (onlyMatches: boolean): Operator =>
  (node, input, scope) => {
    const text = asText(
      scope.compile.scalar(part(node, "Expression"), withColumns(scope, input.columns)),
    );
    const pieces = (childAt(node, "Patterns")?.children ?? []).map(pieceOf);
    const pattern = patternOf(
      pieces,
      parameterOf(node, "kind") ?? "simple",
      parameterOf(node, "flags") ?? "",
    );
    const found = pieces.flatMap((piece) => (piece.column ? [piece.column] : []));
    return widened(input, found, onlyMatches, (row) => pattern.exec(text.run(row)));
  };

export const parse = parser(false);
export const parseWhere = parser(true);

interface Piece {
  readonly column?: HuntColumn;
  readonly literal?: string;
}

function pieceOf(node: KqlNode): Piece {
  if (node.kind === "NameAndTypeDeclaration")
    return {
      column: {
        name: simpleName(part(node, "Name")),
        type: typeOf(part(node, "Type")) ?? "string",
      },
    };
  if (node.kind === "NameDeclaration")
    return { column: { name: simpleName(node), type: "string" } };
  return node.kind === "StarExpression" ? {} : { literal: childAt(node, "Token")?.value ?? "" };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
const typed: Partial<Record<KqlType, string>> = {
  long: String.raw`(-?\d+)`,
  int: String.raw`(-?\d+)`,
  real: String.raw`(-?[\d.]+(?:[eE][+-]?\d+)?)`,
};

/** A named piece takes as little as it can; the last one takes the rest. */
function patternOf(pieces: readonly Piece[], kind: string, flags: string): RegExp {
  const parts = pieces.map(({ column, literal }, index) => {
    if (literal !== undefined)
      return kind === "regex" ? `(?:${literal.replace(/\((?!\?)/g, "(?:")})` : escaped(literal);
    const rest = index === pieces.length - 1 ? String.raw`[\s\S]*` : String.raw`[\s\S]*?`;
    return column === undefined ? rest : (typed[column.type] ?? `(${rest})`);
  });
  return mustRegex(`^${parts.join("")}$`, flags.replace(/[^ims]/g, ""));
}

/** The input with the found columns: in place where the name is there, else at the end. */
function widened(
  input: Table,
  found: readonly HuntColumn[],
  onlyMatches: boolean,
  match: (row: Row) => RegExpExecArray | null,
): Table {
  const columns = [...input.columns];
  const places = found.map((column) => {
    const place = columns.findIndex(({ name }) => name === column.name);
    if (place >= 0) columns[place] = column;
    return place >= 0 ? place : columns.push(column) - 1;
  });
  const rows = function* (): Generator<Row> {
    for (const row of input.rows()) {
      const groups = match(row);
      if (groups === null && onlyMatches) continue;
      const out = [...row];
      for (const [index, column] of found.entries())
        out[places[index] ?? 0] = valueIn(groups?.[index + 1], column.type);
      yield out;
    }
  };
  return { columns, rows };
}

const valueIn = (text: string | undefined, type: KqlType): unknown =>
  text === undefined ? emptyValue(type) : convert(constant("string", text), type).run([]);
