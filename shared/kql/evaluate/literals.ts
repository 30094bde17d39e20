/** Literals to values. */
import { childAt, listElements, type KqlNode } from "../language/parser.ts";
import {
  unwrapLiteral,
  parseDatetimeTicks,
  parseInteger,
  parseTimespanTicks,
} from "../language/literals.ts";
import type { EvaluationContext } from "./context.ts";
import { createConstant, type Scalar } from "./plan.ts";
import { toBool, toDynamic } from "./values.ts";

/** What the values of literals depend on. */
type LiteralContext = Pick<EvaluationContext, "now" | "datetimes">;
type LiteralCompiler = (node: KqlNode, context: LiteralContext) => Scalar;

const isNullText = (text: string): boolean => /null/i.test(text);

const literalCompilers: Readonly<Record<string, LiteralCompiler>> = {
  BooleanLiteralExpression: ({ text }) => createConstant("bool", toBool(unwrapLiteral(text))),
  LongLiteralExpression: ({ text }) => createConstant("long", parseInteger(text) ?? null),
  IntLiteralExpression: ({ text }) => createConstant("int", toNumberOrNull(parseInteger(text))),
  RealLiteralExpression: ({ text }) => createConstant("real", parseReal(text)),
  DecimalLiteralExpression: ({ text }) =>
    createConstant("decimal", isNullText(text) ? null : unwrapLiteral(text)),
  DateTimeLiteralExpression: ({ text }, { now, datetimes }) =>
    createConstant(
      "datetime",
      datetimes?.get(text) ??
        (/^now$/i.test(unwrapLiteral(text)) ? now : (parseDatetimeTicks(text) ?? null)),
    ),
  TimespanLiteralExpression: ({ text }) =>
    createConstant("timespan", parseTimespanTicks(text) ?? null),
  GuidLiteralExpression: ({ text }) =>
    createConstant("guid", isNullText(text) ? null : unwrapLiteral(text).toLowerCase()),
  StringLiteralExpression: (node) => createConstant("string", childAt(node, "Token")?.value ?? ""),
  CompoundStringLiteralExpression: (node) =>
    createConstant(
      "string",
      listElements(childAt(node, "Tokens") ?? node)
        .map((token) => token.value ?? "")
        .join(""),
    ),
  NullLiteralExpression: () => createConstant("dynamic", null),
  DynamicExpression: (node) => createConstant("dynamic", evaluateJson(childAt(node, "Expression"))),
  TypeOfLiteralExpression: (node) => createConstant("string", childAt(node, "Types")?.text ?? ""),
};

/** Compiles a literal; `undefined` for any other node. */
export const compileLiteral = (node: KqlNode, context: LiteralContext): Scalar | undefined =>
  literalCompilers[node.kind]?.(node, context);

const toNumberOrNull = (value: bigint | undefined): number | null =>
  value === undefined ? null : Number(value);

function parseReal(text: string): number | null {
  const literal = unwrapLiteral(text).toLowerCase();
  if (literal === "null") return null;
  const value = { nan: Number.NaN, "+inf": Infinity, "-inf": -Infinity, inf: Infinity }[literal];
  return value ?? Number(literal);
}

/** Evaluates the JSON inside `dynamic(…)`. */
function evaluateJson(node: KqlNode | undefined): unknown {
  if (node === undefined) return null;
  if (node.kind === "JsonObjectExpression")
    return Object.fromEntries(
      listElements(childAt(node, "Pairs")).map((pair) => [
        childAt(pair, "Name")?.value ?? "",
        evaluateJson(childAt(pair, "Value")),
      ]),
    );
  if (node.kind === "JsonArrayExpression")
    return listElements(childAt(node, "Values")).map(evaluateJson);
  if (node.kind === "UnaryMinusExpression")
    return negateNumber(evaluateJson(childAt(node, "Expression")));
  const literal = compileLiteral(node, { now: 0n });
  return literal ? toJsonValue(literal, node.text) : null;
}

function toJsonValue({ type, run }: Scalar, text: string): unknown {
  const value = run([]) ?? null;
  if (typeof value !== "bigint") return value;
  if (type === "datetime" || type === "timespan") return unwrapLiteral(text);
  return toDynamic(value, type);
}

const negateNumber = (value: unknown): unknown =>
  typeof value === "bigint" || typeof value === "number" ? -value : null;
