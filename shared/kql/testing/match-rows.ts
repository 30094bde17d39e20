/** Compares the rows of a result with the expected ones. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { NamedValues, Row } from "../evaluate/context.ts";
import { toDynamic, toJsonText, toKey } from "../evaluate/values.ts";
import { checkColumns, toColumnValue } from "./test-rows.ts";

/** The values that an expected row states, by column index. */
export type ExpectedRow = ReadonlyMap<number, unknown>;

/** How actual rows differ from expected ones. */
export interface RowDifference {
  /** Indexes of expected rows without an actual row. */
  readonly missing: readonly number[];
  /** Actual rows that no expected row describes. */
  readonly unexpected: readonly Row[];
}

/** Converts expected rows to the result's types; throws for unknown columns. */
export const readExpectedRows = (
  columns: readonly HuntColumn[],
  rows: readonly NamedValues[],
): readonly ExpectedRow[] =>
  rows.map((row, index) => {
    checkColumns(columns, row, `/expect/${index}`);
    return new Map(
      Object.entries(row).map(([name, value]) => {
        const columnIndex = columns.findIndex((column) => column.name === name);
        const type = columns[columnIndex]?.type ?? "dynamic";
        return [columnIndex, toColumnValue(value, type, `/expect/${index}/${name}`)];
      }),
    );
  });

/** Tells whether an actual row has the expected values. */
export const isMatch = (
  columns: readonly HuntColumn[],
  expected: ExpectedRow,
  actual: Row,
): boolean =>
  [...expected].every(
    ([index, value]) =>
      toComparable(value, columns[index]) === toComparable(actual[index] ?? null, columns[index]),
  );

/** Arrays compare without order, because `make_set` defines none. */
function toComparable(value: unknown, column: HuntColumn | undefined): string {
  const type = column?.type ?? "dynamic";
  if (Array.isArray(value)) return toKey(value.map((one) => toJsonText(one)).sort());
  if (type === "string") return toKey([value ?? ""]);
  return type === "dynamic" ? toJsonText(toDynamic(value, type)) : toKey([value]);
}

/** Compares rows in any order, or by position if the query defines an order. */
export function compareRows(
  columns: readonly HuntColumn[],
  expected: readonly ExpectedRow[],
  actual: readonly Row[],
  isOrdered: boolean,
): RowDifference {
  if (isOrdered) {
    const isSame = (row: ExpectedRow, index: number): boolean => {
      const other = actual[index];
      return other !== undefined && isMatch(columns, row, other);
    };
    return {
      missing: expected.flatMap((row, index) => (isSame(row, index) ? [] : [index])),
      unexpected: actual.filter((_, index) => {
        const row = expected[index];
        return row === undefined || !isSame(row, index);
      }),
    };
  }
  const partners = pairRows(columns, expected, actual);
  const usedRows = new Set(partners.values());
  return {
    missing: expected.flatMap((_, index) => (partners.has(index) ? [] : [index])),
    unexpected: actual.filter((_, index) => !usedRows.has(index)),
  };
}

/** Pairs as many expected rows as possible with different actual rows (augmenting paths). */
function pairRows(
  columns: readonly HuntColumn[],
  expected: readonly ExpectedRow[],
  actual: readonly Row[],
): ReadonlyMap<number, number> {
  const ownerOf = new Map<number, number>();
  const findPartner = (index: number, visited: Set<number>): boolean => {
    const row = expected[index];
    if (row === undefined) return false;
    for (const [at, candidate] of actual.entries()) {
      if (visited.has(at) || !isMatch(columns, row, candidate)) continue;
      visited.add(at);
      const owner = ownerOf.get(at);
      if (owner === undefined || findPartner(owner, visited)) {
        ownerOf.set(at, index);
        return true;
      }
    }
    return false;
  };
  for (const index of expected.keys()) findPartner(index, new Set());
  return new Map([...ownerOf].map(([at, index]) => [index, at]));
}
