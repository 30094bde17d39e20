/**
 * Follows the rows of a query from its tables to its result and records every step that reads more
 * than one row.
 *
 * A query can be cut into windows if each result row comes from one row of one table with a
 * time column: the union of the windows is then the whole result. Order does not count: `sort`
 * alone changes nothing, and functions that depend on order (`prev`, `row_number` …) are found by
 * name.
 */
import { childAt, listElements, walkTree, type KqlNode } from "../language/parser.ts";
import { createObstacle, type Obstacle, type ObstacleReason } from "./obstacles.ts";
import { rowWiseOperators, findObstacleReason } from "./operator-reasons.ts";
import { findTableTime, type QuerySchema } from "../language/schema.ts";
import { bodyOf, findDeclaration, nameOf, parametersOf } from "../language/scope.ts";
import {
  argumentsOf,
  stripParentheses,
  calleeNameOf,
  findFinalExpression,
  readOperatorParameter,
} from "../language/statements.ts";

/** Where rows come from: tables of events, or a constant table in the query. */
type Origin = "events" | "constant";

interface Trace {
  readonly query: string;
  readonly schema: QuerySchema;
  readonly obstacles: Obstacle[];
  /** Origins of function parameters at the current call, by the parameter's position. */
  readonly parameterOrigins: ReadonlyMap<number, Origin>;
  /** Positions of the declarations being followed, to stop recursion. */
  readonly activeStarts: ReadonlySet<number>;
}

/** Returns the obstacles in the flow of rows. */
export function findFlowObstacles(
  query: string,
  root: KqlNode,
  schema: QuerySchema,
): readonly Obstacle[] {
  const obstacles: Obstacle[] = [];
  const trace: Trace = {
    query,
    schema,
    obstacles,
    parameterOrigins: new Map(),
    activeStarts: new Set(),
  };
  const result = findFinalExpression(root);
  if (result && findOrigin(result, trace) === "constant")
    recordObstacle(trace, result, {
      cause: "constant",
      text: "its result reads no table of events",
    });
  for (const inner of findSubqueries(root))
    if (findOrigin(inner, trace) !== "constant")
      recordObstacle(trace, inner, {
        cause: "subquery",
        text: "it reads a second table in a condition",
      });
  return obstacles;
}

/** Returns tabular expressions in place of a scalar: `in (T | …)`, `has_any (T)`. */
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
      return recordUnknown(trace, node, {
        cause: "outside",
        text: "it reads external data, which changes by itself",
      });
    default:
      return recordUnknown(trace, node, findObstacleReason(node));
  }
}

const findChildOrigin = (node: KqlNode, role: string, trace: Trace): Origin => {
  const child = childAt(node, role);
  return child
    ? findOrigin(child, trace)
    : recordUnknown(trace, node, { cause: "unclear", text: "a part of it is missing" });
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

/** Rows of every leg are in the result; every window would repeat the rows of a constant leg. */
function findUnionOrigin(
  union: KqlNode,
  legs: readonly KqlNode[],
  trace: Trace,
  first?: Origin,
): Origin {
  const origins = [...(first ? [first] : []), ...legs.map((leg) => findOrigin(leg, trace))];
  if (!origins.includes("events")) return "constant";
  if (origins.includes("constant"))
    recordObstacle(trace, union, {
      cause: "constant",
      text: "it unites events with a constant table, whose rows every window would repeat",
    });
  return "events";
}

function followLookup(operator: KqlNode, inputOrigin: Origin, trace: Trace): Origin {
  if (findArgumentOrigin(operator, trace) !== "constant")
    recordObstacle(trace, operator, findObstacleReason(operator));
  return inputOrigin;
}

/** Returns the origin of an operator's second table: the first of its parts that is tabular. */
function findArgumentOrigin(operator: KqlNode, trace: Trace): Origin | undefined {
  const other = operator.children.find(
    (child) => child.role === "Expression" || child.type === "table",
  );
  return other && findOrigin(other, trace);
}

/**
 * Follows a function that the query declares; the result of a service function changes with time.
 */
function followInvoke(operator: KqlNode, inputOrigin: Origin, trace: Trace): Origin {
  const call = childAt(operator, "Function");
  if (call && findDeclaration(childAt(call, "Name") ?? call))
    return findCallOrigin(call, [inputOrigin], trace);
  const name = call ? calleeNameOf(call) : "a function";
  recordObstacle(trace, operator, {
    cause: "outside",
    text: `it calls ${name}(), whose result changes with time`,
    isUnstable: true,
  });
  return inputOrigin;
}

/** Within `mv-apply` each row is a separate table, so that `summarize` reads one outer row. */
function followMvApply(operator: KqlNode, inputOrigin: Origin, trace: Trace): Origin {
  for (const inner of walkTree(operator)) {
    const isAllowed =
      ["SummarizeOperator", "MvApplyOperator"].includes(inner.kind) ||
      rowWiseOperators.has(inner.kind);
    if (inner.kind.endsWith("Operator") && inner !== operator && !isAllowed)
      recordBlocking(inner, inputOrigin, trace);
    if (inner.kind === "NameReference" && inner.type === "table" && inner.role !== "Name")
      recordObstacle(trace, inner, {
        cause: "subquery",
        text: "it reads a second table in mv-apply",
      });
  }
  return inputOrigin;
}

function recordBlocking(operator: KqlNode, inputOrigin: Origin, trace: Trace): Origin {
  const reason = findObstacleReason(operator);
  const isUnstable = operator.kind === "JoinOperator" && picksOneOfMany(operator);
  recordObstacle(trace, operator, isUnstable ? { ...reason, isUnstable } : reason);
  if (operator.kind === "JoinOperator") findArgumentOrigin(operator, trace);
  return inputOrigin;
}

/** Returns true for `innerunique`, the default, which keeps any one of the left rows with a key. */
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
    return recordUnknown(trace, reference, {
      cause: "unclear",
      text: `${nameOf(reference)} cannot be followed to a table`,
    });
  if (boundNode.kind === "FunctionDeclaration")
    return findBodyOrigin(boundNode, [], reference, trace);
  return followExpression(boundNode, trace, trace.parameterOrigins);
}

function findParameterOrigin(reference: KqlNode, parameter: KqlNode, trace: Trace): Origin {
  const origin = trace.parameterOrigins.get(parameter.start);
  return (
    origin ??
    recordUnknown(trace, reference, {
      cause: "unclear",
      text: `the value of ${nameOf(reference)} is not known`,
    })
  );
}

function findTableOrigin(node: KqlNode, table: string, trace: Trace): Origin {
  if (findTableTime(table, trace.schema) === undefined)
    recordObstacle(trace, node, { cause: "noTimestamp", text: `${table} has no Timestamp` });
  return "events";
}

function findWildcardOrigin(node: KqlNode, members: readonly string[], trace: Trace): Origin {
  for (const table of members.filter((member) => findTableTime(member, trace.schema) === undefined))
    recordObstacle(trace, node, {
      cause: "noTimestamp",
      text: `${table} (${node.text}) has no Timestamp`,
    });
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
  return recordUnknown(trace, call, {
    cause: "outside",
    text: `it calls ${calleeNameOf(call)}(), whose rows cannot be followed`,
    isUnstable: true,
  });
}

function findBodyOrigin(
  declaration: KqlNode,
  argumentOrigins: readonly (Origin | undefined)[],
  callSite: KqlNode,
  trace: Trace,
): Origin {
  const body = bodyOf(declaration);
  if (!body)
    return recordUnknown(trace, callSite, {
      cause: "unclear",
      text: "it calls a function without a result",
    });
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
    return recordUnknown(trace, expression, { cause: "unclear", text: "it refers to itself" });
  return findOrigin(expression, {
    ...trace,
    parameterOrigins,
    activeStarts: new Set([...trace.activeStarts, expression.start]),
  });
}

function recordUnknown(trace: Trace, node: KqlNode, reason: ObstacleReason): Origin {
  recordObstacle(trace, node, reason);
  return "events";
}

/** Records an obstacle once, even if the step is reached twice, as a `let` used twice. */
function recordObstacle({ query, obstacles }: Trace, node: KqlNode, reason: ObstacleReason): void {
  const { start } = node;
  if (obstacles.some((existing) => existing.start === start && existing.text === reason.text))
    return;
  obstacles.push(createObstacle(query, node, reason));
}
