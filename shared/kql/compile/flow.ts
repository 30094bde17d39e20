/**
 * Follows the rows of a query from its tables to its result and notes every step that looks at more than one row.
 *
 * A query may be cut into windows when each result row comes from one row of one table with a `Timestamp`: then the
 * results of the windows, put together, are the result of the whole. The order of rows is no part of that: `sort` alone
 * changes nothing, and the functions that depend on order (`prev`, `row_number` …) are caught by their names.
 */
import { childAt, elements, walk, type KqlNode } from "../language/parser.ts";
import { obstacle, type Obstacle } from "./obstacles.ts";
import { rowWise, wordsFor } from "./operators.ts";
import { hasTimestamp } from "../language/schema.ts";
import { bodyOf, declarationOf, nameOf, parametersOf } from "../language/scope.ts";
import {
  argumentsOf,
  bare,
  calledName,
  finalExpression,
  operatorParameter,
} from "../language/statements.ts";

/** Where rows come from: tables of events, or a table written into the query itself. */
type Origin = "events" | "constant";

interface Trace {
  readonly query: string;
  readonly found: Obstacle[];
  /** Origins of function parameters at the call being followed, by the parameter's place. */
  readonly bound: ReadonlyMap<number, Origin>;
  /** Declarations and calls being followed, so that nothing is followed in circles. */
  readonly open: ReadonlySet<number>;
}

/** What the flow of rows has against windows. */
export function flowObstacles(query: string, root: KqlNode): readonly Obstacle[] {
  const found: Obstacle[] = [];
  const trace: Trace = { query, found, bound: new Map(), open: new Set() };
  const result = finalExpression(root);
  if (result && originOf(result, trace) === "constant")
    note(trace, result, "constant", "its result reads no table of events");
  for (const inner of subqueries(root))
    if (originOf(inner, trace) !== "constant")
      note(trace, inner, "subquery", "it asks a second table within a condition");
  return found;
}

/** Tabular expressions where a scalar belongs: `in (T | …)`, `has_any (T)`. */
function subqueries(root: KqlNode): readonly KqlNode[] {
  return [...walk(root)].filter((node) => {
    if (node.isToken || node.type !== "table" || node.role === "Name") return false;
    const above = expressionAbove(node);
    return (
      above !== undefined &&
      above.type !== undefined &&
      above.type !== "table" &&
      above.kind !== "ToScalarExpression"
    );
  });
}

function expressionAbove(node: KqlNode): KqlNode | undefined {
  const between = ["List", "SeparatedElement", "ExpressionList", "ParenthesizedExpression"];
  let above = node.parent;
  while (above && between.includes(above.kind)) above = above.parent;
  return above;
}

function originOf(expression: KqlNode, trace: Trace): Origin {
  const node = bare(expression);
  switch (node.kind) {
    case "PipeExpression":
      return afterPipe(node, trace);
    case "UnionOperator":
      return united(node, elements(childAt(node, "Expressions")), trace);
    case "NameReference":
      return ofName(node, trace);
    case "MaterializeExpression":
      return ofChild(node, "Expression", trace);
    case "FunctionCallExpression":
      return ofCall(node, [], trace);
    case "DataTableExpression":
    case "PrintOperator":
    case "RangeOperator":
      return "constant";
    case "ExternalDataExpression":
      return unlike(node, "outside", "it reads external data, which changes by itself", trace);
    default:
      return unlike(
        node,
        wordsFor(node).cause,
        wordsFor(node).text,
        trace,
        wordsFor(node).unstable,
      );
  }
}

const ofChild = (node: KqlNode, role: string, trace: Trace): Origin => {
  const child = childAt(node, role);
  return child ? originOf(child, trace) : unlike(node, "unclear", "a part of it is missing", trace);
};

function afterPipe(pipe: KqlNode, trace: Trace): Origin {
  const before = ofChild(pipe, "Expression", trace);
  const operator = childAt(pipe, "Operator");
  if (!operator || rowWise.has(operator.kind)) return before;
  switch (operator.kind) {
    case "UnionOperator":
      return united(operator, elements(childAt(operator, "Expressions")), trace, before);
    case "LookupOperator":
      return lookedUp(operator, before, trace);
    case "InvokeOperator":
      return invoked(operator, before, trace);
    case "MvApplyOperator":
      return applied(operator, before, trace);
    default:
      return blocked(operator, before, trace);
  }
}

/** Rows of every leg come through; a constant leg would come again in every window. */
function united(union: KqlNode, legs: readonly KqlNode[], trace: Trace, first?: Origin): Origin {
  const origins = [...(first ? [first] : []), ...legs.map((leg) => originOf(leg, trace))];
  if (!origins.includes("events")) return "constant";
  if (origins.includes("constant"))
    note(
      trace,
      union,
      "constant",
      "it unites events with a constant table, whose rows every window would repeat",
    );
  return "events";
}

function lookedUp(operator: KqlNode, before: Origin, trace: Trace): Origin {
  if (tableArgument(operator, trace) !== "constant")
    note(trace, operator, "join", "it looks values up in a second table (lookup)");
  return before;
}

/** The table an operator takes beside the piped one: the first of its parts that is tabular. */
function tableArgument(operator: KqlNode, trace: Trace): Origin | undefined {
  const other = operator.children.find(
    (child) => child.role === "Expression" || child.type === "table",
  );
  return other && originOf(other, trace);
}

/** A function of the query's own is followed; one of the service answers by what it knows at the time. */
function invoked(operator: KqlNode, before: Origin, trace: Trace): Origin {
  const call = childAt(operator, "Function");
  if (call && declarationOf(childAt(call, "Name") ?? call)) return ofCall(call, [before], trace);
  const name = call ? calledName(call) : "a function";
  note(trace, operator, "outside", `it asks ${name}(), whose answer changes with time`, true);
  return before;
}

/** Within `mv-apply` each row is a table of its own, so that even `summarize` looks at one row of the outer table. */
function applied(operator: KqlNode, before: Origin, trace: Trace): Origin {
  for (const inner of walk(operator)) {
    const allowed =
      ["SummarizeOperator", "MvApplyOperator"].includes(inner.kind) || rowWise.has(inner.kind);
    if (inner.kind.endsWith("Operator") && inner !== operator && !allowed)
      blocked(inner, before, trace);
    if (inner.kind === "NameReference" && inner.type === "table" && inner.role !== "Name")
      note(trace, inner, "subquery", "it asks a second table within mv-apply");
  }
  return before;
}

function blocked(operator: KqlNode, before: Origin, trace: Trace): Origin {
  const { cause, text, unstable } = wordsFor(operator);
  note(
    trace,
    operator,
    cause,
    text,
    unstable || (operator.kind === "JoinOperator" && picksOneOfMany(operator)),
  );
  if (operator.kind === "JoinOperator") tableArgument(operator, trace);
  return before;
}

/** `innerunique`, the default, keeps any one of the left rows with the same key. */
const picksOneOfMany = (join: KqlNode): boolean =>
  (operatorParameter(join, "kind") ?? "innerunique").toLowerCase() === "innerunique";

function ofName(reference: KqlNode, trace: Trace): Origin {
  const { symbol } = reference;
  if (symbol?.kind === "Table" && symbol.ofService) return ofTable(reference, symbol.name, trace);
  if (symbol?.kind === "Group") return ofWildcard(reference, symbol.members, trace);
  const declaration = declarationOf(reference);
  if (declaration?.kind === "parameter") return ofParameter(reference, declaration.node, trace);
  const bound = declaration?.bound;
  if (!bound)
    return unlike(
      reference,
      "unclear",
      `${nameOf(reference)} cannot be followed to a table`,
      trace,
    );
  if (bound.kind === "FunctionDeclaration") return ofBody(bound, [], reference, trace);
  return followed(bound, trace, trace.bound);
}

function ofParameter(reference: KqlNode, parameter: KqlNode, trace: Trace): Origin {
  const origin = trace.bound.get(parameter.start);
  return (
    origin ??
    unlike(reference, "unclear", `what ${nameOf(reference)} stands for is not clear`, trace)
  );
}

function ofTable(node: KqlNode, table: string, trace: Trace): Origin {
  if (!hasTimestamp(table)) note(trace, node, "no-timestamp", `${table} has no Timestamp`);
  return "events";
}

function ofWildcard(node: KqlNode, members: readonly string[], trace: Trace): Origin {
  for (const table of members.filter((member) => !hasTimestamp(member)))
    note(trace, node, "no-timestamp", `${table} (${node.text}) has no Timestamp`);
  return "events";
}

function ofCall(call: KqlNode, piped: readonly Origin[], trace: Trace): Origin {
  const declaration = declarationOf(childAt(call, "Name") ?? call)?.bound;
  if (declaration?.kind === "FunctionDeclaration") {
    const given = argumentsOf(call).map((argument) =>
      argument.type === "table" ? originOf(argument, trace) : undefined,
    );
    return ofBody(declaration, [...piped, ...given], call, trace);
  }
  const named =
    calledName(call) === "table"
      ? argumentsOf(call)[0]?.children.find((child) => child.isToken)?.value
      : undefined;
  if (named !== undefined) return ofTable(call, named, trace);
  return unlike(
    call,
    "outside",
    `it asks ${calledName(call)}(), whose rows are not followed`,
    trace,
    true,
  );
}

function ofBody(
  declaration: KqlNode,
  given: readonly (Origin | undefined)[],
  at: KqlNode,
  trace: Trace,
): Origin {
  const body = bodyOf(declaration);
  if (!body) return unlike(at, "unclear", "a function without a result", trace);
  const bound = new Map(trace.bound);
  for (const [index, parameter] of parametersOf(declaration).entries()) {
    const origin = given[index];
    if (origin) bound.set(nameStart(parameter), origin);
  }
  return followed(body, trace, bound);
}

const nameStart = (parameter: KqlNode): number => parameter.start;

function followed(expression: KqlNode, trace: Trace, bound: ReadonlyMap<number, Origin>): Origin {
  if (trace.open.has(expression.start))
    return unlike(expression, "unclear", "it refers to itself", trace);
  return originOf(expression, {
    ...trace,
    bound,
    open: new Set([...trace.open, expression.start]),
  });
}

function unlike(
  node: KqlNode,
  cause: Obstacle["cause"],
  text: string,
  trace: Trace,
  unstable = false,
): Origin {
  note(trace, node, cause, text, unstable);
  return "events";
}

/** The same step reached twice, as a `let` used twice, is noted once. */
function note(
  trace: Trace,
  node: KqlNode,
  cause: Obstacle["cause"],
  text: string,
  unstable = false,
): void {
  if (trace.found.some((known) => known.start === node.start && known.text === text)) return;
  trace.found.push(obstacle(trace.query, node, cause, text, { unstable }));
}
