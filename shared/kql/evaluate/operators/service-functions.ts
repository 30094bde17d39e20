/**
 * Tabular functions of the service: their results come from the rows that the context has for
 * them.
 */
import type { KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { asText, convertScalar } from "../coerce.ts";
import type { NamedValues } from "../context.ts";
import { argumentsOf, readName } from "../names.ts";
import {
  createColumnScalar,
  createConstant,
  withColumns,
  type Row,
  type Scalar,
  type Scope,
  type Table,
} from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { getEmptyValue } from "../values.ts";

const toColumns = (text: string): readonly HuntColumn[] =>
  text.split(" ").map((name) => ({ name, type: name === "Timestamp" ? "datetime" : "string" }));

const addressColumns = toColumns("Timestamp IPAddress IPType NetworkAdapterType ConnectedNetworks");

/** Converts named values to a row of the columns. */
const toRow = (columns: readonly HuntColumn[], values: NamedValues): Row =>
  columns.map(({ name, type }) =>
    convertScalar(createConstant("dynamic", values[name] ?? getEmptyValue(type)), type).run([]),
  );

/** Reads the optional time of a call; the present by default. */
function readTime(node: KqlNode | undefined, scope: Scope): bigint {
  if (node === undefined) return scope.context.now;
  const value = convertScalar(scope.compile.scalar(node, scope), "datetime").run([]);
  return typeof value === "bigint" ? value : scope.context.now;
}

const readText = (node: KqlNode | undefined, scope: Scope): string =>
  node === undefined ? "" : asText(scope.compile.scalar(node, scope)).run([]);

/** `AssignedIPAddresses(device, time)`: the addresses of a device. */
function listAddresses([device, time]: readonly KqlNode[], scope: Scope): Table {
  const find = scope.context.functions?.AssignedIPAddresses;
  if (find === undefined) throw createUnsupportedError("'AssignedIPAddresses()' without its rows");
  return {
    columns: addressColumns,
    rows: () =>
      Array.from(find(readText(device, scope), readTime(time, scope)), (values) =>
        toRow(addressColumns, values),
      ),
  };
}

/** Compiles a call of the service's own tabular function; undefined for another name. */
export const compileServiceFunction = (
  name: string,
  call: KqlNode,
  scope: Scope,
): Table | undefined =>
  name === "AssignedIPAddresses" ? listAddresses(argumentsOf(call), scope) : undefined;

/** Compiles the column that an argument of `invoke` names, as a name or as a text. */
export function compileInvokedColumn(
  node: KqlNode | undefined,
  defaultName: string,
  input: Table,
  scope: Scope,
): Scalar {
  const name =
    node === undefined
      ? defaultName
      : node.kind === "NameReference"
        ? readName(node)
        : String(scope.compile.scalar(node, scope).run([]));
  const columnIndex = input.columns.findIndex((one) => one.name === name);
  const source = input.columns[columnIndex];
  if (source === undefined)
    throw createSemanticError(`invoke: the column '${name}' is not in the input.`);
  return createColumnScalar(source.type, columnIndex);
}

/** `invoke DeviceFromIP(address, time)`: a row for each device that had the row's address. */
function evaluateDeviceFromIp(args: readonly KqlNode[], input: Table, scope: Scope): Table {
  const find = scope.context.functions?.DeviceFromIP;
  if (find === undefined) throw createUnsupportedError("'DeviceFromIP()' without its rows");
  const address = asText(compileInvokedColumn(args[0], "IP", input, scope));
  const time =
    args[1] &&
    convertScalar(scope.compile.scalar(args[1], withColumns(scope, input.columns)), "datetime");
  return addColumns(input, ["IP", "DeviceId"], (row) => {
    const ip = address.run(row);
    const at = time?.run(row) ?? null;
    const devices = find(ip, typeof at === "bigint" ? at : scope.context.now);
    return Array.from(devices, (device) => [ip, device]);
  });
}

/** `invoke SeenBy(device)`: adds the devices that reported seeing the row's device. */
function evaluateSeenBy(args: readonly KqlNode[], input: Table, scope: Scope): Table {
  const find = scope.context.functions?.SeenBy;
  if (find === undefined) throw createUnsupportedError("'SeenBy()' without its rows");
  const device = asText(compileInvokedColumn(args[0], "DeviceId", input, scope));
  return addColumns(input, ["DeviceId", "SeenBy"], (row) => {
    const id = device.run(row);
    const devices = Array.from(find(id));
    return [[id, devices.length === 0 ? "" : JSON.stringify(devices)]];
  });
}

/** Adds columns of text, in place where the name is there; a row becomes one for each result. */
function addColumns(
  input: Table,
  names: readonly string[],
  list: (row: Row) => readonly Row[],
): Table {
  const columns = [...input.columns];
  const indexes = names.map((name) => {
    const existing = columns.findIndex((one) => one.name === name);
    if (existing < 0) return columns.push({ name, type: "string" }) - 1;
    columns[existing] = { name, type: "string" };
    return existing;
  });
  return {
    columns,
    isSerialized: input.isSerialized,
    rows: () =>
      Iterator.from(input.rows()).flatMap((row) =>
        list(row).map((values) => {
          const out = [...row];
          for (const [at, index] of indexes.entries()) out[index] = values[at];
          return out;
        }),
      ),
  };
}

type InvokedFunction = (args: readonly KqlNode[], input: Table, scope: Scope) => Table;

/** The service's functions that `invoke` calls, without `FileProfile`. */
export const invokedFunctions: ReadonlyMap<string, InvokedFunction> = new Map([
  ["DeviceFromIP", evaluateDeviceFromIp],
  ["SeenBy", evaluateSeenBy],
]);
