/** as, serialize, sample, search, render, invoke, evaluate. */
import { childAt, elements, type KqlNode } from "../../language/parser.ts";
import { asText } from "../coerce.ts";
import { argumentsOf, simpleName, wildcard } from "../names.ts";
import {
  columnAt,
  over,
  withColumns,
  type Row,
  type Scalar,
  type Scope,
  type Table,
} from "../plan.ts";
import { unsupported } from "../query-error.ts";
import { listOf, part } from "../scalar.ts";
import { matcherOf } from "../text-match.ts";
import { take } from "./order.ts";
import { ordered } from "./ordered.ts";
import { bagUnpack } from "./plugins.ts";
import { pivot } from "./grouped.ts";
import { fileProfile } from "./file-profile.ts";
import { extended, type Operator } from "./rows.ts";
import { joined } from "./union.ts";

/** `as` names what flows by. It is kept, since it is read again. */
export const as: Operator = (node, input, scope) => {
  scope.names.set(simpleName(part(node, "Name")), { kind: "table", table: input });
  return input;
};

/** Rows are ordered already; further expressions are added. */
export const serialize: Operator = (node, input, scope) =>
  ordered(node, input, scope, (source, inner) =>
    extended(source, listOf(node, "Expressions"), inner),
  );

export const render: Operator = (_, input) => input;
export const consume: Operator = (_, input) => ({ columns: input.columns, rows: () => [] });

/** Any rows will do. */
export const sample: Operator = take;

export const invoke: Operator = (node, input, scope) => {
  const call = part(node, "Function");
  const name = simpleName(part(call, "Name"));
  const declared = scope.names.find(name);
  if (declared?.kind === "function") {
    const result = scope.compile.call(call, declared, scope, input);
    if (result.kind === "table") return result.table;
  }
  if (name === "FileProfile") return fileProfile(argumentsOf(call), input, scope);
  throw unsupported(`'${name}()'`);
};

export const evaluatePlugin: Operator = (node, input, scope) => {
  const call = part(node, "FunctionCall");
  const name = simpleName(part(call, "Name"));
  if (name === "bag_unpack")
    return bagUnpack(argumentsOf(call), input, withColumns(scope, input.columns));
  if (name === "pivot") return pivot(argumentsOf(call), input, withColumns(scope, input.columns));
  throw unsupported(`The plugin '${name}'`);
};

/** `search "word"` over all tables, `search in (T, U) "word"`, or over what is piped in. */
export function search(node: KqlNode, input: Table | undefined, scope: Scope): Table {
  const tables = input ? [{ name: "", table: input }] : tablesIn(node, scope);
  const condition = part(node, "Condition");
  const parts = tables.map(({ name, table }) => ({ name, table: found(table, condition, scope) }));
  return input ? (parts[0]?.table ?? input) : joined(parts, false, "$table");
}

function tablesIn(
  node: KqlNode,
  scope: Scope,
): readonly { readonly name: string; readonly table: Table }[] {
  const clause = childAt(node, "InClause");
  const names = clause ? elements(childAt(clause, "Expressions")) : [];
  const patterns = names.map((one) => one.text);
  const known = [...scope.context.world.tables.keys()];
  const wanted =
    clause === undefined ? known : patterns.flatMap((pattern) => known.filter(wildcard(pattern)));
  return wanted.map((name) => ({ name, table: scope.compile.named(name, node, scope) }));
}

function found(table: Table, condition: KqlNode, scope: Scope): Table {
  const test = searchTest(condition, withColumns(scope, table.columns));
  return {
    columns: table.columns,
    rows: () => Iterator.from(table.rows()).filter((row) => test.run(row) === true),
  };
}

/** A bare text is looked for in every column; a predicate is a predicate. */
function searchTest(node: KqlNode, scope: Scope): Scalar {
  const [left, right] = [childAt(node, "Left"), childAt(node, "Right")];
  if (node.kind === "ParenthesizedExpression") return searchTest(part(node, "Expression"), scope);
  if (left && right && (node.kind === "AndExpression" || node.kind === "OrExpression")) {
    const [one, other] = [searchTest(left, scope), searchTest(right, scope)];
    const all = node.kind === "AndExpression";
    return over("bool", [one, other], (row) =>
      all
        ? one.run(row) === true && other.run(row) === true
        : one.run(row) === true || other.run(row) === true,
    );
  }
  if (node.kind === "SearchExpression" && left && right)
    return wordIn([asText(scope.compile.scalar(left, scope))], simpleText(right, scope));
  if (node.kind !== "StringLiteralExpression") return scope.compile.scalar(node, scope);
  return wordIn(
    scope.columns.map(({ type }, place) => asText(columnAt(type, place))),
    simpleText(node, scope),
  );
}

const simpleText = (node: KqlNode, scope: Scope): string =>
  String(scope.compile.scalar(node, scope).run([]));

function wordIn(texts: readonly Scalar[], word: string): Scalar {
  const match =
    word === "*" ? () => true : word.includes("*") ? wildcard(word) : matcherOf("has", word, false);
  return over("bool", texts, (row: Row) => texts.some(({ run }) => match(run(row) as string)));
}
