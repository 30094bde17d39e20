/** Literals to values. */
import { childAt, elements, type KqlNode } from "../language/parser.ts";
import { bareLiteral, datetimeTicks, integerValue, timespanTicks } from "../language/literals.ts";
import { constant, type Scalar } from "./plan.ts";
import { toBool } from "./values.ts";

/** A literal, or `undefined` for a node that is none. */
export function literalOf(node: KqlNode, now: bigint): Scalar | undefined {
  switch (node.kind) {
    case "BooleanLiteralExpression":
      return constant("bool", toBool(bareLiteral(node.text)));
    case "LongLiteralExpression":
      return constant("long", integerValue(node.text) ?? null);
    case "IntLiteralExpression":
      return constant("int", numberOrNull(integerValue(node.text)));
    case "RealLiteralExpression":
      return constant("real", realOf(node.text));
    case "DecimalLiteralExpression":
      return constant("decimal", /null/i.test(node.text) ? null : bareLiteral(node.text));
    case "DateTimeLiteralExpression":
      return constant(
        "datetime",
        /^now$/i.test(bareLiteral(node.text)) ? now : (datetimeTicks(node.text) ?? null),
      );
    case "TimespanLiteralExpression":
      return constant("timespan", timespanTicks(node.text) ?? null);
    case "GuidLiteralExpression":
      return constant(
        "guid",
        /null/i.test(node.text) ? null : bareLiteral(node.text).toLowerCase(),
      );
    case "StringLiteralExpression":
      return constant("string", childAt(node, "Token")?.value ?? "");
    case "CompoundStringLiteralExpression":
      return constant(
        "string",
        elements(childAt(node, "Tokens") ?? node)
          .map((token) => token.value ?? "")
          .join(""),
      );
    case "NullLiteralExpression":
      return constant("dynamic", null);
    case "DynamicExpression":
      return constant("dynamic", jsonOf(childAt(node, "Expression")));
    case "TypeOfLiteralExpression":
      return constant("string", childAt(node, "Types")?.text ?? "");
    default:
      return undefined;
  }
}

const numberOrNull = (value: bigint | undefined): number | null =>
  value === undefined ? null : Number(value);

function realOf(text: string): number | null {
  const bare = bareLiteral(text).toLowerCase();
  if (bare === "null") return null;
  const value = { nan: Number.NaN, "+inf": Infinity, "-inf": -Infinity, inf: Infinity }[bare];
  return value ?? Number(bare);
}

/** What stands inside `dynamic(…)`. */
function jsonOf(node: KqlNode | undefined): unknown {
  if (node === undefined) return null;
  if (node.kind === "JsonObjectExpression")
    return Object.fromEntries(
      elements(childAt(node, "Pairs")).map((pair) => [
        childAt(pair, "Name")?.value ?? "",
        jsonOf(childAt(pair, "Value")),
      ]),
    );
  if (node.kind === "JsonArrayExpression") return elements(childAt(node, "Values")).map(jsonOf);
  if (node.kind === "UnaryMinusExpression") return negative(jsonOf(childAt(node, "Expression")));
  const literal = literalOf(node, 0n);
  const value = literal?.run([]) ?? null;
  if (typeof value !== "bigint") return value;
  if (literal?.type === "datetime" || literal?.type === "timespan") return bareLiteral(node.text);
  return value >= -9_007_199_254_740_991n && value <= 9_007_199_254_740_991n
    ? Number(value)
    : value;
}

const negative = (value: unknown): unknown =>
  typeof value === "bigint" || typeof value === "number" ? -value : null;
