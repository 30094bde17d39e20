/** Rows as the Defender and legacy hunting APIs write them: plain JSON. */
import type { Switches } from "../behaviors.ts";
import type { Column, KqlType } from "./evaluation.ts";
import {
  decimalText,
  instantText,
  integerText,
  realText,
  timespanText,
  toJson,
} from "./scalars.ts";

/** Writes one row as a JSON object. */
export type RowWriter = (row: readonly unknown[]) => string;

type Cell = (value: unknown) => string;

/** @param legacy - 2017 form: times without a zone */
export function plainRows(
  columns: readonly Column[],
  switches: Switches["hunting"],
  legacy: boolean,
): RowWriter {
  const cells = columns.map(({ name, type }) => ({
    key: `${JSON.stringify(name)}:`,
    write: cellWriter(type, switches, legacy),
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
  (write: Cell): Cell =>
  (value) =>
    value === null ? "null" : write(value);

function cellWriter(type: KqlType, switches: Switches["hunting"], legacy: boolean): Cell {
  switch (type) {
    case "string":
      // KQL knows no null string.
      return (value) => JSON.stringify(value ?? "");
    case "bool":
      return orNull((value) =>
        switches.plainBooleans === "number" ? (value === true ? "1" : "0") : String(value),
      );
    case "datetime":
      return orNull((value) => `"${instantText(value as bigint, "seven", legacy ? "" : "Z")}"`);
    case "timespan":
      return orNull((value) => JSON.stringify(timespanText(value as bigint, switches.timespans)));
    case "int":
    case "long":
      return orNull(integerText);
    case "real":
      return orNull((value) => realText(value as number, "Infinity"));
    case "decimal":
      return orNull((value) => decimalText(value as string, switches.decimals));
    case "guid":
      return orNull((value) => JSON.stringify(value));
    case "dynamic":
      return orNull((value) =>
        switches.plainDynamics === "value" ? toJson(value) : JSON.stringify(toJson(value)),
      );
  }
}
