/** `parse-kv Text as (Key: type, …) with (pair_delimiter, kv_delimiter, quote)`. */
import { childAt, listElements } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { asText, convertScalar } from "../coerce.ts";
import { readName } from "../names.ts";
import { createConstant, withColumns } from "../plan.ts";
import { createUnsupportedError } from "../query-error.ts";
import { requireChild } from "../scalar.ts";
import { readType } from "../type-names.ts";
import { addColumns } from "./parse.ts";
import type { Operator } from "./rows.ts";

const supportedOptions = new Set(["pair_delimiter", "kv_delimiter", "quote"]);

export const evaluateParseKv: Operator = (node, input, scope) => {
  const text = asText(
    scope.compile.scalar(requireChild(node, "Expression"), withColumns(scope, input.columns)),
  );
  const columns = listElements(childAt(requireChild(node, "Keys"), "Columns")).map(
    (one): HuntColumn => ({
      name: readName(requireChild(one, "Name")),
      type: readType(requireChild(one, "Type")) ?? "dynamic",
    }),
  );
  const clause = childAt(node, "WithClause");
  const options = new Map(
    listElements(clause && childAt(clause, "Properties")).map((one) => [
      readName(requireChild(one, "Name")),
      String(scope.compile.scalar(requireChild(one, "Expression"), scope).run([])),
    ]),
  );
  const unknown = [...options.keys()].find((name) => !supportedOptions.has(name));
  if (unknown !== undefined) throw createUnsupportedError(`The option '${unknown}' of parse-kv`);
  const delimiters = {
    pair: options.get("pair_delimiter") ?? " ",
    value: options.get("kv_delimiter") ?? "=",
    quote: options.get("quote") ?? "",
  };
  return addColumns(input, columns, false, (row) => {
    const pairs = readPairs(text.run(row), delimiters);
    return columns.map(({ name, type }) =>
      convertScalar(createConstant("string", pairs.get(name) ?? ""), type).run([]),
    );
  });
};

interface Delimiters {
  readonly pair: string;
  readonly value: string;
  readonly quote: string;
}

/** Splits text into keys and values; delimiters within quotes do not split. */
function readPairs(text: string, { pair, value, quote }: Delimiters): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  let [start, isQuoted] = [0, false];
  for (let index = 0; index <= text.length; index += 1) {
    if (quote !== "" && text.startsWith(quote, index)) isQuoted = !isQuoted;
    if (index < text.length && (isQuoted || !text.startsWith(pair, index))) continue;
    const [key = "", ...rest] = text.slice(start, index).split(value);
    if (!pairs.has(key.trim())) pairs.set(key.trim(), stripQuotes(rest.join(value).trim(), quote));
    start = index + pair.length;
  }
  return pairs;
}

const stripQuotes = (text: string, quote: string): string =>
  quote !== "" && text.startsWith(quote) && text.endsWith(quote)
    ? text.slice(quote.length, -quote.length)
    : text;
