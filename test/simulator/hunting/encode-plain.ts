/** Rows as the Defender and legacy hunting APIs write them: plain JSON. */
import type { Behaviors } from "../behaviors.ts";
import type { Column, KqlType } from "./evaluation.ts";
import {
  writeDecimal,
  writeInstant,
  writeInteger,
  writeReal,
  writeTimespan,
  toJson,
} from "./scalars.ts";

/** Writes one row as a JSON object. */
export type RowWriter = (row: readonly unknown[]) => string;

type CellWriter = (value: unknown) => string;

/** @param isLegacy - 2017 format: times without a zone */
export function createPlainRowWriter(
  columns: readonly Column[],
  behaviors: Behaviors["hunting"],
  isLegacy: boolean,
): RowWriter {
  const cells = columns.map(({ name, type }) => ({
    key: `${JSON.stringify(name)}:`,
    write: createCellWriter(type, behaviors, isLegacy),
  }));
  return (row) => {
    let text = "{";
    for (const [index, cell] of cells.entries()) {
      const value = row[index] ?? null;
      text += `${index === 0 ? "" : ","}${cell.key}${value === null ? cell.write(null) : cell.write(value)}`;
    }
    return `${text}}`;
  };
}

const orNull =
  (write: CellWriter): CellWriter =>
  (value) =>
    value === null ? "null" : write(value);

function createCellWriter(
  type: KqlType,
  behaviors: Behaviors["hunting"],
  isLegacy: boolean,
): CellWriter {
  switch (type) {
    case "string":
      // KQL does not have null strings.
      return (value) => JSON.stringify(value ?? "");
    case "bool":
      return orNull((value) =>
        behaviors.plainBooleans === "number" ? (value === true ? "1" : "0") : String(value),
      );
    case "datetime":
      return orNull((value) => `"${writeInstant(value as bigint, "seven", isLegacy ? "" : "Z")}"`);
    case "timespan":
      return orNull((value) => JSON.stringify(writeTimespan(value as bigint, behaviors.timespans)));
    case "int":
    case "long":
      return orNull(writeInteger);
    case "real":
      return orNull((value) => writeReal(value as number, "Infinity"));
    case "decimal":
      return orNull((value) => writeDecimal(value as string, behaviors.decimals));
    case "guid":
      return orNull((value) => JSON.stringify(value));
    case "dynamic":
      return orNull((value) =>
        behaviors.plainDynamics === "value" ? toJson(value) : JSON.stringify(toJson(value)),
      );
  }
}
