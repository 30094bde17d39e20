/** `ipv4_lookup` and `ipv6_lookup(Table, Address, Network, …, return_unmatched = false)`. */
import type { KqlNode } from "../../language/parser.ts";
import { asText, type TextScalar } from "../coerce.ts";
import { argumentsOf, readName } from "../names.ts";
import { withColumns, type Row, type Scope, type Table } from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { isInRange as isInIpv6Range } from "../scalar-functions/ipv6.ts";
import { isInRange as isInIpv4Range } from "../scalar-functions/network.ts";
import { getEmptyValue } from "../values.ts";
import { joinColumns } from "./join.ts";

const rangeTests = { ipv4_lookup: isInIpv4Range, ipv6_lookup: isInIpv6Range };

/**
 * Adds the columns of the networks that hold each row's address. Further keys must be equal and
 * appear once in the result.
 */
export const evaluateNetworkLookup =
  (name: keyof typeof rangeTests) =>
  (call: KqlNode, input: Table, scope: Scope): Table =>
    lookUpNetworks({ call, name, input }, scope);

interface LookupRequest {
  readonly call: KqlNode;
  readonly name: keyof typeof rangeTests;
  readonly input: Table;
}

function lookUpNetworks({ call, name, input }: LookupRequest, scope: Scope): Table {
  const args = argumentsOf(call);
  const options = args.filter(isOption);
  const [tableNode, addressNode, networkNode, ...keyNodes] = args.filter((node) => !isOption(node));
  if (tableNode === undefined || addressNode === undefined || networkNode === undefined)
    throw createSemanticError(`${name}: a table, an address and a network are expected.`);
  const isOuter = options.some((option) => readUnmatchedOption(option, scope));
  const networks = scope.compile.table(tableNode, { ...scope, columns: [] });
  const compileText = (node: KqlNode, { columns }: Table): TextScalar =>
    asText(scope.compile.scalar(node, withColumns(scope, columns)));
  const isInRange = rangeTests[name];
  const [address, network] = [compileText(addressNode, input), compileText(networkNode, networks)];
  const keys = keyNodes.map((node) => ({
    left: compileText(node, input),
    right: compileText(node, networks),
  }));
  const keyIndexes = new Set(keys.map(({ right }) => right.columnIndex));
  const addedIndexes = [...networks.columns.keys()].filter((index) => !keyIndexes.has(index));
  const added = addedIndexes.flatMap((index) => networks.columns[index] ?? []);
  const blank = added.map(({ type }) => getEmptyValue(type));
  const matches = (row: Row, other: Row): boolean =>
    isInRange(address.run(row), network.run(other)) === true &&
    keys.every(({ left, right }) => left.run(row) === right.run(other));
  return {
    columns: joinColumns(input.columns, added),
    *rows() {
      const networkRows = Array.from(networks.rows());
      for (const row of input.rows()) {
        const found = networkRows.filter((other) => matches(row, other));
        if (found.length === 0 && isOuter) yield [...row, ...blank];
        for (const other of found) yield [...row, ...addedIndexes.map((index) => other[index])];
      }
    },
  };
}

/** `return_unmatched = true`, or a literal in its place. */
const isOption = ({ kind }: KqlNode): boolean =>
  kind === "SimpleNamedExpression" || kind === "BooleanLiteralExpression";

function readUnmatchedOption(option: KqlNode, scope: Scope): boolean {
  if (option.kind === "SimpleNamedExpression" && readName(option) !== "return_unmatched")
    throw createUnsupportedError(`The argument '${option.text}'`);
  return scope.compile.scalar(option, scope).run([]) === true;
}
