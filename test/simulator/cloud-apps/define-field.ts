/** Shorthand for tables of filterable fields. */
import type { Field } from "./filters.ts";

/** A field that reads its values off the item. */
export const defineField = <Item>(
  type: Field<Item>["type"],
  operators: Field<Item>["operators"],
  readValues: Field<Item>["readValues"],
  ancestors?: Field<Item>["ancestors"],
): Field<Item> => ({ type, operators, readValues, ...(ancestors ? { ancestors } : {}) });

/** None where the item has no value. */
export const toValues = (value: unknown): readonly unknown[] =>
  value === undefined || value === null ? [] : [value];
