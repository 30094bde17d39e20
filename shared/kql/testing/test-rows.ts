/** Converts the rows of a test case to typed rows of a table. */
import type { HuntColumn, KqlType } from "../../contracts/compiled-hunt.ts";
import { suggestWord } from "../../runtime/suggest-word.ts";
import { convertScalar } from "../evaluate/coerce.ts";
import type { NamedValues, Row, SourceTable } from "../evaluate/context.ts";
import { createConstant } from "../evaluate/plan.ts";
import { getEmptyValue, parseJson, toJsonText } from "../evaluate/values.ts";
import type { Ticks } from "../../runtime/time.ts";

/** A mistake in a test case, in words. */
export class TestCaseError extends Error {
  override readonly name = "TestCaseError";
}

const minuteTicks = 600_000_000n;

/** The columns by which a table's rows are ordered in time. */
const timeColumns = ["Timestamp", "TimeGenerated"];

/**
 * Builds a table of a test case. A missing column is empty; a missing time is one minute before
 * `now`.
 */
export function createTestTable(
  name: string,
  columns: readonly HuntColumn[],
  namedRows: readonly NamedValues[],
  now: Ticks,
): SourceTable {
  const rows = namedRows.flatMap(repeatRow).map((row, index): Row => {
    checkColumns(columns, row, `/rows/${name}/${index}`);
    return columns.map(({ name: column, type }) =>
      row[column] === undefined && timeColumns.includes(column)
        ? now - minuteTicks
        : toColumnValue(row[column], type, `/rows/${name}/${index}/${column}`),
    );
  });
  const timeIndex = columns.findIndex((column) => timeColumns.includes(column.name));
  return {
    columns,
    rows: ({ from, to }) =>
      timeIndex < 0
        ? rows
        : rows.filter((row) => {
            const at = row[timeIndex];
            return typeof at !== "bigint" || (at >= from && at < to);
          }),
  };
}

/** The key of a row that says how often the row is there. */
const repeatKey = "$repeat";
const maxRepeats = 100_000;

/** Copies a row `$repeat` times; `{n}` (`{nn}` with two digits) becomes its number, from 1. */
function repeatRow(row: NamedValues): readonly NamedValues[] {
  const { [repeatKey]: count, ...values } = row;
  if (count === undefined) return [row];
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0 || count > maxRepeats)
    throw new TestCaseError(`/rows: ${repeatKey} must be a whole number up to ${maxRepeats}`);
  return Array.from({ length: count }, (_, index) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        typeof value === "string" ? numberText(value, index + 1) : value,
      ]),
    ),
  );
}

const numberText = (text: string, number: number): string =>
  text.replaceAll("{n}", String(number)).replaceAll("{nn}", String(number).padStart(2, "0"));

/** Builds a table whose columns follow from its rows. */
export function createInferredTable(namedRows: readonly NamedValues[]): SourceTable {
  const names = [...new Set(namedRows.flatMap((row) => Object.keys(row)))];
  const columns = names.map((name): HuntColumn => ({ name, type: inferType(namedRows, name) }));
  const rows = namedRows.map((row) =>
    columns.map(({ name, type }) => toColumnValue(row[name], type, `/${name}`)),
  );
  return { columns, rows: () => rows };
}

function inferType(rows: readonly NamedValues[], name: string): KqlType {
  const value = rows.map((row) => row[name]).find((one) => one !== undefined && one !== null);
  if (typeof value === "number") return Number.isInteger(value) ? "long" : "real";
  if (typeof value === "boolean") return "bool";
  return typeof value === "object" ? "dynamic" : "string";
}

/** Throws for a column that the table does not have, with the nearest name. */
export function checkColumns(
  columns: readonly HuntColumn[],
  row: NamedValues,
  pointer: string,
): void {
  const names = columns.map(({ name }) => name);
  const unknown = Object.keys(row).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const nearest = suggestWord(unknown, names, 3);
  const hint = nearest === undefined ? `one of ${names.join(", ")}` : `Did you mean ${nearest}?`;
  throw new TestCaseError(
    nearest === undefined
      ? `${pointer}/${unknown}: must be ${hint}`
      : `${pointer}/${unknown}: must be a column of the table. ${hint}`,
  );
}

/**
 * Converts a value to a column's type; an object in a text column becomes JSON text, and JSON text
 * in a dynamic one its value.
 */
export function toColumnValue(value: unknown, type: KqlType, pointer: string): unknown {
  if (value === undefined || value === null) return getEmptyValue(type);
  if (type === "dynamic")
    return typeof value === "string" && /^\s*[[{]/.test(value) ? parseJson(value) : value;
  if (type === "string") return typeof value === "string" ? value : toJsonText(value);
  const converted = convertScalar(createConstant("dynamic", value), type).run([]) ?? null;
  if (converted === null)
    throw new TestCaseError(`${pointer}: must be a ${type}, not ${JSON.stringify(value)}`);
  return converted;
}
