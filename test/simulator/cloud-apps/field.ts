/** Shorthand for tables of filterable fields. */
import type { Field } from "./filters.ts";

/** A field that reads its values off the item. */
export const field = <Item>(
  type: Field<Item>["type"],
  operators: Field<Item>["operators"],
  read: Field<Item>["read"],
  above?: Field<Item>["above"],
): Field<Item> => ({ type, operators, read, ...(above ? { above } : {}) });

/** None where the item has no value. */
export const present = (value: unknown): readonly unknown[] =>
  value === undefined || value === null ? [] : [value];
