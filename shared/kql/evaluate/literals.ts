/** Literals to values. */
import { childAt, listElements, type KqlNode } from "../language/parser.ts";
import {
  unwrapLiteral,
  parseDatetimeTicks,
  parseInteger,
  parseTimespanTicks,
} from "../language/literals.ts";
import { createConstant, type Scalar } from "./plan.ts";
import { toBool } from "./values.ts";

/** A literal, or `undefined` for a node that is none. */
export function compileLiteral(node: KqlNode, now: bigint): Scalar | undefined {
  switch (node.kind) {
    case "BooleanLiteralExpression":
      return createConstant("bool", toBool(unwrapLiteral(node.text)));
    case "LongLiteralExpression":
      return createConstant("long", parseInteger(node.text) ?? null);
    case "IntLiteralExpression":
      return createConstant("int", toNumberOrNull(parseInteger(node.text)));
    case "RealLiteralExpression":
      return createConstant("real", parseReal(node.text));
    case "DecimalLiteralExpression":
      return createConstant("decimal", /null/i.test(node.text) ? null : unwrapLiteral(node.text));
    case "DateTimeLiteralExpression":
      return createConstant(
        "datetime",
        /^now$/i.test(unwrapLiteral(node.text)) ? now : (parseDatetimeTicks(node.text) ?? null),
      );
    case "TimespanLiteralExpression":
      return createConstant("timespan", parseTimespanTicks(node.text) ?? null);
    case "GuidLiteralExpression":
      return createConstant(
        "guid",
        /null/i.test(node.text) ? null : unwrapLiteral(node.text).toLowerCase(),
      );
    case "StringLiteralExpression":
      return createConstant("string", childAt(node, "Token")?.value ?? "");
    case "CompoundStringLiteralExpression":
      return createConstant(
        "string",
        listElements(childAt(node, "Tokens") ?? node)
          .map((token) => token.value ?? "")
          .join(""),
      );
    case "NullLiteralExpression":
      return createConstant("dynamic", null);
    case "DynamicExpression":
      return createConstant("dynamic", evaluateJson(childAt(node, "Expression")));
    case "TypeOfLiteralExpression":
      return createConstant("string", childAt(node, "Types")?.text ?? "");
    default:
      return undefined;
  }
}

const toNumberOrNull = (value: bigint | undefined): number | null =>
  value === undefined ? null : Number(value);

function parseReal(text: string): number | null {
  const literal = unwrapLiteral(text).toLowerCase();
  if (literal === "null") return null;
  const value = { nan: Number.NaN, "+inf": Infinity, "-inf": -Infinity, inf: Infinity }[literal];
  return value ?? Number(literal);
}

/** What stands inside `dynamic(…)`. */
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
  const literal = compileLiteral(node, 0n);
  const value = literal?.run([]) ?? null;
  if (typeof value !== "bigint") return value;
  if (literal?.type === "datetime" || literal?.type === "timespan") return unwrapLiteral(node.text);
  return value >= -9_007_199_254_740_991n && value <= 9_007_199_254_740_991n
    ? Number(value)
    : value;
}

const negateNumber = (value: unknown): unknown =>
  typeof value === "bigint" || typeof value === "number" ? -value : null;
