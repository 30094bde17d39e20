/**
 * Follows the rows of a query from its tables to its result and notes every step that looks at more than one row.
 *
 * A query may be cut into windows when each result row comes from one row of one table with a `Timestamp`: then the
 * results of the windows, put together, are the result of the whole. The order of rows is no part of that: `sort` alone
 * changes nothing, and the functions that depend on order (`prev`, `row_number` …) are caught by their names.
 */
import { childAt, listElements, walkTree, type KqlNode } from "../language/parser.ts";
import { createObstacle, type Obstacle } from "./obstacles.ts";
import { rowWiseOperators, findObstacleReason } from "./operator-reasons.ts";
import { hasTimestamp } from "../language/schema.ts";
import { bodyOf, findDeclaration, nameOf, parametersOf } from "../language/scope.ts";
import {
  argumentsOf,
  stripParentheses,
  calleeNameOf,
  findFinalExpression,
  readOperatorParameter,
} from "../language/statements.ts";

/** Where rows come from: tables of events, or a table written into the query itself. */
type Origin = "events" | "constant";

interface Trace {
  readonly query: string;
  readonly obstacles: Obstacle[];
  /** Origins of function parameters at the call being followed, by the parameter's place. */
  readonly parameterOrigins: ReadonlyMap<number, Origin>;
  /** Declarations and calls being followed, so that nothing is followed in circles. */
  readonly activeStarts: ReadonlySet<number>;
}

/** What the flow of rows has against windows. */
export function findFlowObstacles(query: string, root: KqlNode): readonly Obstacle[] {
  const obstacles: Obstacle[] = [];
  const trace: Trace = { query, obstacles, parameterOrigins: new Map(), activeStarts: new Set() };
  const result = findFinalExpression(root);
  if (result && findOrigin(result, trace) === "constant")
    recordObstacle(trace, result, "constant", "its result reads no table of events");
  for (const inner of findSubqueries(root))
    if (findOrigin(inner, trace) !== "constant")
      recordObstacle(trace, inner, "subquery", "it asks a second table within a condition");
  return obstacles;
}

/** Tabular expressions where a scalar belongs: `in (T | …)`, `has_any (T)`. */
function findSubqueries(root: KqlNode): readonly KqlNode[] {
  return [...walkTree(root)].filter((node) => {
    if (node.isToken || node.type !== "table" || node.role === "Name") return false;
    const above = findParentExpression(node);
    return (
      above !== undefined &&
      above.type !== undefined &&
      above.type !== "table" &&
      above.kind !== "ToScalarExpression"
    );
  });
}

function findParentExpression(node: KqlNode): KqlNode | undefined {
  const wrapperKinds = ["List", "SeparatedElement", "ExpressionList", "ParenthesizedExpression"];
  let above = node.parent;
  while (above && wrapperKinds.includes(above.kind)) above = above.parent;
  return above;
}

function findOrigin(expression: KqlNode, trace: Trace): Origin {
  const node = stripParentheses(expression);
  switch (node.kind) {
    case "PipeExpression":
      return findPipeOrigin(node, trace);
    case "UnionOperator":
      return findUnionOrigin(node, listElements(childAt(node, "Expressions")), trace);
    case "NameReference":
      return findNameOrigin(node, trace);
    case "MaterializeExpression":
      return findChildOrigin(node, "Expression", trace);
    case "FunctionCallExpression":
      return findCallOrigin(node, [], trace);
    case "DataTableExpression":
    case "PrintOperator":
    case "RangeOperator":
      return "constant";
    case "ExternalDataExpression":
      return recordUnknown(
        node,
        "outside",
        "it reads external data, which changes by itself",
        trace,
      );
    default:
      return recordUnknown(
        node,
        findObstacleReason(node).cause,
        findObstacleReason(node).text,
        trace,
        findObstacleReason(node).isUnstable,
      );
  }
}

const findChildOrigin = (node: KqlNode, role: string, trace: Trace): Origin => {
  const child = childAt(node, role);
  return child
    ? findOrigin(child, trace)
    : recordUnknown(node, "unclear", "a part of it is missing", trace);
};

function findPipeOrigin(pipe: KqlNode, trace: Trace): Origin {
  const inputOrigin = findChildOrigin(pipe, "Expression", trace);
  const operator = childAt(pipe, "Operator");
  if (!operator || rowWiseOperators.has(operator.kind)) return inputOrigin;
  switch (operator.kind) {
    case "UnionOperator":
      return findUnionOrigin(
        operator,
        listElements(childAt(operator, "Expressions")),
        trace,
        inputOrigin,
      );
    case "LookupOperator":
      return followLookup(operator, inputOrigin, trace);
    case "InvokeOperator":
      return followInvoke(operator, inputOrigin, trace);
    case "MvApplyOperator":
      return followMvApply(operator, inputOrigin, trace);
    default:
      return recordBlocking(operator, inputOrigin, trace);
  }
}

/** Rows of every leg come through; a constant leg would come again in every window. */
function findUnionOrigin(
  union: KqlNode,
  legs: readonly KqlNode[],
  trace: Trace,
  first?: Origin,
): Origin {
  const origins = [...(first ? [first] : []), ...legs.map((leg) => findOrigin(leg, trace))];
  if (!origins.includes("events")) return "constant";
  if (origins.includes("constant"))
    recordObstacle(
      trace,
      union,
      "constant",
      "it unites events with a constant table, whose rows every window would repeat",
    );
  return "events";
}

function followLookup(operator: KqlNode, inputOrigin: Origin, trace: Trace): Origin {
  if (findArgumentOrigin(operator, trace) !== "constant")
    recordObstacle(trace, operator, "join", "it looks values up in a second table (lookup)");
  return inputOrigin;
}

/** The table an operator takes beside the piped one: the first of its parts that is tabular. */
function findArgumentOrigin(operator: KqlNode, trace: Trace): Origin | undefined {
  const other = operator.children.find(
    (child) => child.role === "Expression" || child.type === "table",
  );
  return other && findOrigin(other, trace);
}

/** A function of the query's own is followed; one of the service answers by what it knows at the time. */
function followInvoke(operator: KqlNode, inputOrigin: Origin, trace: Trace): Origin {
  const call = childAt(operator, "Function");
  if (call && findDeclaration(childAt(call, "Name") ?? call))
    return findCallOrigin(call, [inputOrigin], trace);
  const name = call ? calleeNameOf(call) : "a function";
  recordObstacle(
    trace,
    operator,
    "outside",
    `it asks ${name}(), whose answer changes with time`,
    true,
  );
  return inputOrigin;
}

/** Within `mv-apply` each row is a table of its own, so that even `summarize` looks at one row of the outer table. */
function followMvApply(operator: KqlNode, inputOrigin: Origin, trace: Trace): Origin {
  for (const inner of walkTree(operator)) {
    const isAllowed =
      ["SummarizeOperator", "MvApplyOperator"].includes(inner.kind) ||
      rowWiseOperators.has(inner.kind);
    if (inner.kind.endsWith("Operator") && inner !== operator && !isAllowed)
      recordBlocking(inner, inputOrigin, trace);
    if (inner.kind === "NameReference" && inner.type === "table" && inner.role !== "Name")
      recordObstacle(trace, inner, "subquery", "it asks a second table within mv-apply");
  }
  return inputOrigin;
}

function recordBlocking(operator: KqlNode, inputOrigin: Origin, trace: Trace): Origin {
  const { cause, text, isUnstable } = findObstacleReason(operator);
  recordObstacle(
    trace,
    operator,
    cause,
    text,
    isUnstable || (operator.kind === "JoinOperator" && picksOneOfMany(operator)),
  );
  if (operator.kind === "JoinOperator") findArgumentOrigin(operator, trace);
  return inputOrigin;
}

/** `innerunique`, the default, keeps any one of the left rows with the same key. */
const picksOneOfMany = (join: KqlNode): boolean =>
  (readOperatorParameter(join, "kind") ?? "innerunique").toLowerCase() === "innerunique";

function findNameOrigin(reference: KqlNode, trace: Trace): Origin {
  const { symbol } = reference;
  if (symbol?.kind === "Table" && symbol.isServiceSymbol)
    return findTableOrigin(reference, symbol.name, trace);
  if (symbol?.kind === "Group") return findWildcardOrigin(reference, symbol.members, trace);
  const declaration = findDeclaration(reference);
  if (declaration?.kind === "parameter")
    return findParameterOrigin(reference, declaration.node, trace);
  const boundNode = declaration?.boundNode;
  if (!boundNode)
    return recordUnknown(
      reference,
      "unclear",
      `${nameOf(reference)} cannot be followed to a table`,
      trace,
    );
  if (boundNode.kind === "FunctionDeclaration")
    return findBodyOrigin(boundNode, [], reference, trace);
  return followExpression(boundNode, trace, trace.parameterOrigins);
}

function findParameterOrigin(reference: KqlNode, parameter: KqlNode, trace: Trace): Origin {
  const origin = trace.parameterOrigins.get(parameter.start);
  return (
    origin ??
    recordUnknown(reference, "unclear", `what ${nameOf(reference)} stands for is not clear`, trace)
  );
}

function findTableOrigin(node: KqlNode, table: string, trace: Trace): Origin {
  if (!hasTimestamp(table))
    recordObstacle(trace, node, "no-timestamp", `${table} has no Timestamp`);
  return "events";
}

function findWildcardOrigin(node: KqlNode, members: readonly string[], trace: Trace): Origin {
  for (const table of members.filter((member) => !hasTimestamp(member)))
    recordObstacle(trace, node, "no-timestamp", `${table} (${node.text}) has no Timestamp`);
  return "events";
}

function findCallOrigin(call: KqlNode, piped: readonly Origin[], trace: Trace): Origin {
  const declaration = findDeclaration(childAt(call, "Name") ?? call)?.boundNode;
  if (declaration?.kind === "FunctionDeclaration") {
    const argumentOrigins = argumentsOf(call).map((argument) =>
      argument.type === "table" ? findOrigin(argument, trace) : undefined,
    );
    return findBodyOrigin(declaration, [...piped, ...argumentOrigins], call, trace);
  }
  const tableName =
    calleeNameOf(call) === "table"
      ? argumentsOf(call)[0]?.children.find((child) => child.isToken)?.value
      : undefined;
  if (tableName !== undefined) return findTableOrigin(call, tableName, trace);
  return recordUnknown(
    call,
    "outside",
    `it asks ${calleeNameOf(call)}(), whose rows are not followed`,
    trace,
    true,
  );
}

function findBodyOrigin(
  declaration: KqlNode,
  argumentOrigins: readonly (Origin | undefined)[],
  callSite: KqlNode,
  trace: Trace,
): Origin {
  const body = bodyOf(declaration);
  if (!body) return recordUnknown(callSite, "unclear", "a function without a result", trace);
  const parameterOrigins = new Map(trace.parameterOrigins);
  for (const [index, parameter] of parametersOf(declaration).entries()) {
    const origin = argumentOrigins[index];
    if (origin) parameterOrigins.set(startOf(parameter), origin);
  }
  return followExpression(body, trace, parameterOrigins);
}

const startOf = (parameter: KqlNode): number => parameter.start;

function followExpression(
  expression: KqlNode,
  trace: Trace,
  parameterOrigins: ReadonlyMap<number, Origin>,
): Origin {
  if (trace.activeStarts.has(expression.start))
    return recordUnknown(expression, "unclear", "it refers to itself", trace);
  return findOrigin(expression, {
    ...trace,
    parameterOrigins,
    activeStarts: new Set([...trace.activeStarts, expression.start]),
  });
}

function recordUnknown(
  node: KqlNode,
  cause: Obstacle["cause"],
  text: string,
  trace: Trace,
  isUnstable = false,
): Origin {
  recordObstacle(trace, node, cause, text, isUnstable);
  return "events";
}

/** The same step reached twice, as a `let` used twice, is noted once. */
function recordObstacle(
  trace: Trace,
  node: KqlNode,
  cause: Obstacle["cause"],
  text: string,
  isUnstable = false,
): void {
  if (trace.obstacles.some((existing) => existing.start === node.start && existing.text === text))
    return;
  trace.obstacles.push(createObstacle(trace.query, node, cause, text, { isUnstable }));
}
