/** `ipv4_lookup` and `ipv6_lookup(Table, Address, Network, …, return_unmatched = false)`. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import { asText } from "../coerce.ts";
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
 * stand once in the result.
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
  const named = args.filter(({ kind }) => kind === "SimpleNamedExpression");
  const [tableNode, addressNode, networkNode, ...keyNodes] = args.filter(
    ({ kind }) => kind !== "SimpleNamedExpression",
  );
  if (tableNode === undefined || addressNode === undefined || networkNode === undefined)
    throw createSemanticError(`${name}: a table, an address and a network are expected.`);
  const isInRange = rangeTests[name];
  const isOuter = readUnmatchedOption(named, scope);
  const networks = scope.compile.table(tableNode, { ...scope, columns: [] });
  const sourceScope = withColumns(scope, input.columns);
  const networkScope = withColumns(scope, networks.columns);
  const address = asText(scope.compile.scalar(addressNode, sourceScope));
  const network = asText(scope.compile.scalar(networkNode, networkScope));
  const keys = keyNodes.map((node) => ({
    left: asText(scope.compile.scalar(node, sourceScope)),
    right: asText(scope.compile.scalar(node, networkScope)),
  }));
  const blank = networks.columns.map(({ type }) => getEmptyValue(type));
  const matches = (row: Row, other: Row): boolean =>
    isInRange(address.run(row), network.run(other)) === true &&
    keys.every(({ left, right }) => left.run(row) === right.run(other));
  return {
    columns: joinColumns(input.columns, networks.columns),
    *rows() {
      const networkRows = Array.from(networks.rows());
      for (const row of input.rows()) {
        const found = networkRows.filter((other) => matches(row, other));
        if (found.length === 0 && isOuter) yield [...row, ...blank];
        for (const other of found) yield [...row, ...other];
      }
    },
  };
}

function readUnmatchedOption(named: readonly KqlNode[], scope: Scope): boolean {
  const other = named.find((node) => readName(node) !== "return_unmatched");
  if (other !== undefined) throw createUnsupportedError(`The argument '${other.text}'`);
  const value = named[0] && childAt(named[0], "Expression");
  return value !== undefined && scope.compile.scalar(value, scope).run([]) === true;
}
