/** Helpers that define filterable fields. */
import type { Field } from "./filters.ts";

/** Defines a field that reads its values from the item. */
export const defineField = <Item>(
  type: Field<Item>["type"],
  operators: Field<Item>["operators"],
  readValues: Field<Item>["readValues"],
  ancestors?: Field<Item>["ancestors"],
): Field<Item> => ({ type, operators, readValues, ...(ancestors ? { ancestors } : {}) });

/** Returns an empty list if the item has no value. */
export const toValues = (value: unknown): readonly unknown[] =>
  value === undefined || value === null ? [] : [value];
