/** as, serialize, sample, search, render, invoke, evaluate. */
import { childAt, listElements, type KqlNode } from "../../language/parser.ts";
import { asText } from "../coerce.ts";
import { argumentsOf, readName, createNameMatcher } from "../names.ts";
import {
  createColumnScalar,
  deriveScalar,
  withColumns,
  type Row,
  type Scalar,
  type Scope,
  type Table,
} from "../plan.ts";
import { createUnsupportedError } from "../query-error.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { createMatcher } from "../text-match.ts";
import { evaluateTake } from "./order.ts";
import { compileWithWindows } from "./window-calls.ts";
import { invokedFunctions } from "./service-functions.ts";
import { evaluateFileProfile } from "./file-profile.ts";
import { extendTable, type Operator } from "./rows.ts";
import { combineParts } from "./union.ts";

/** `as` names what flows by. It is kept, since it is read again. */
export const evaluateAs: Operator = (node, input, scope) => {
  scope.names.set(readName(requireChild(node, "Name")), { kind: "table", table: input });
  return input;
};

/** Rows are ordered already; further expressions are added. */
export const evaluateSerialize: Operator = (node, input, scope) =>
  compileWithWindows(node, input, scope, (source, inner) => ({
    ...extendTable(source, listChildren(node, "Expressions"), inner),
    isSerialized: true,
  }));

export const evaluateRender: Operator = (_, input) => input;
export const evaluateConsume: Operator = (_, input) => ({ columns: input.columns, rows: () => [] });

/** Returns any rows; the first ones here. */
export const evaluateSample: Operator = evaluateTake;

export const evaluateInvoke: Operator = (node, input, scope) => {
  const call = requireChild(node, "Function");
  const name = readName(requireChild(call, "Name"));
  const declaration = scope.names.find(name);
  if (declaration?.kind === "function") {
    const result = scope.compile.declaredCall(call, declaration, scope, input);
    if (result.kind === "table") return result.table;
  }
  const invoked = invokedFunctions.get(name);
  if (invoked !== undefined) return invoked(argumentsOf(call), input, scope);
  if (name === "FileProfile") return evaluateFileProfile(argumentsOf(call), input, scope);
  throw createUnsupportedError(`'${name}()'`);
};

/** `search "word"` over all tables, `search in (T, U) "word"`, or over what is piped in. */
export function evaluateSearch(node: KqlNode, input: Table | undefined, scope: Scope): Table {
  const tables = input ? [{ name: "", table: input }] : findSearchTables(node, scope);
  const condition = requireChild(node, "Condition");
  const parts = tables.map(({ name, table }) => ({
    name,
    table: searchTable(table, condition, scope),
  }));
  return input ? (parts[0]?.table ?? input) : combineParts(parts, false, "$table");
}

function findSearchTables(
  node: KqlNode,
  scope: Scope,
): readonly { readonly name: string; readonly table: Table }[] {
  const clause = childAt(node, "InClause");
  const names = clause ? listElements(childAt(clause, "Expressions")) : [];
  const patterns = names.map((one) => one.text);
  const tableNames = [...scope.names.listViews(), ...scope.context.tables.keys()];
  const selectedNames =
    clause === undefined
      ? tableNames
      : patterns.flatMap((pattern) => tableNames.filter(createNameMatcher(pattern)));
  return selectedNames.map((name) => ({
    name,
    table: scope.compile.namedTable(name, node, scope),
  }));
}

function searchTable(table: Table, condition: KqlNode, scope: Scope): Table {
  const test = compileSearchTest(condition, withColumns(scope, table.columns));
  return {
    columns: table.columns,
    rows: () => Iterator.from(table.rows()).filter((row) => test.run(row) === true),
  };
}

/** Compiles a search condition: a text is searched in every column. */
function compileSearchTest(node: KqlNode, scope: Scope): Scalar {
  const [left, right] = [childAt(node, "Left"), childAt(node, "Right")];
  if (node.kind === "ParenthesizedExpression")
    return compileSearchTest(requireChild(node, "Expression"), scope);
  if (left && right && (node.kind === "AndExpression" || node.kind === "OrExpression")) {
    const [one, other] = [compileSearchTest(left, scope), compileSearchTest(right, scope)];
    const isAnd = node.kind === "AndExpression";
    return deriveScalar("bool", [one, other], (row) =>
      isAnd
        ? one.run(row) === true && other.run(row) === true
        : one.run(row) === true || other.run(row) === true,
    );
  }
  if (node.kind === "SearchExpression" && left && right)
    return createWordTest([asText(scope.compile.scalar(left, scope))], evaluateText(right, scope));
  if (node.kind !== "StringLiteralExpression") return scope.compile.scalar(node, scope);
  return createWordTest(
    scope.columns.map(({ type }, columnIndex) => asText(createColumnScalar(type, columnIndex))),
    evaluateText(node, scope),
  );
}

const evaluateText = (node: KqlNode, scope: Scope): string =>
  String(scope.compile.scalar(node, scope).run([]));

function createWordTest(texts: readonly Scalar[], word: string): Scalar {
  const match =
    word === "*"
      ? () => true
      : word.includes("*")
        ? createNameMatcher(word)
        : createMatcher("has", word, false);
  return deriveScalar("bool", texts, (row: Row) =>
    texts.some(({ run }) => match(run(row) as string)),
  );
}
