/** The filters of Cloud Apps lists, really evaluated: fields are ANDed, operators are ANDed, values are ORed. */

/** The operators of the API. */
export type Operator =
  | "cabinetmatchedrulesequals"
  | "contains"
  | "deq"
  | "descendantof"
  | "doesnotstartwith"
  | "endswith"
  | "eq"
  | "gt"
  | "gte"
  | "gte_ndays"
  | "isnotset"
  | "isset"
  | "lt"
  | "lte"
  | "lte_ndays"
  | "ncontains"
  | "ndescendantof"
  | "neq"
  | "range"
  | "startswith"
  | "startswithsingle"
  | "text";

/** One filterable field of a resource. */
export interface Field<Item> {
  readonly type: "text" | "int" | "bool" | "instant" | "pk" | "id";
  readonly operators: readonly Operator[];
  /** Every value the item has for it; none when it is not set. */
  readonly read: (item: Item) => readonly unknown[];
  /** Ancestors of a value, for `descendantof`; none when absent. */
  readonly above?: (value: unknown) => readonly unknown[];
}

export type Fields<Item> = Readonly<Record<string, Field<Item>>>;

/** What to do with a field that the resource does not have. */
export type UnknownField = "empty" | "ignore" | "400";

/** A filter ready to use, or the value that is not valid. */
export type Compiled<Item> =
  | { readonly kind: "filter"; readonly keep: (item: Item) => boolean; readonly empty: boolean }
  | { readonly kind: "bad"; readonly value: string };

type Test = (values: readonly unknown[]) => boolean;

/** @param filters - as sent: an object of fields, each an object of operators */
export function compileFilters<Item>(
  filters: unknown,
  fields: Fields<Item>,
  unknownField: UnknownField,
  nowMs: number,
): Compiled<Item> {
  if (filters === undefined || filters === null)
    return { kind: "filter", keep: () => true, empty: true };
  if (!isObject(filters)) return bad(filters);
  const tests: ((item: Item) => boolean)[] = [];
  for (const [name, given] of Object.entries(filters)) {
    const field = fields[name];
    const unknowns = field
      ? Object.keys(isObject(given) ? given : {}).filter((one) => !takesOperator(field, one))
      : [name];
    if (unknowns.length > 0) {
      if (unknownField === "400") return bad(unknowns[0]);
      if (unknownField === "empty") tests.push(() => false);
      if (!field) continue;
    }
    if (!field || !isObject(given)) return bad(given);
    for (const [operator, operand] of Object.entries(given)) {
      if (!takesOperator(field, operator)) continue;
      const test = compileTest(field as Field<unknown>, operator, operand, nowMs);
      if (typeof test === "object") return bad(test.bad);
      tests.push((item) => test(field.read(item)));
    }
  }
  return {
    kind: "filter",
    keep: (item) => tests.every((test) => test(item)),
    empty: Object.keys(filters).length === 0,
  };
}

const takesOperator = (field: Field<never>, name: string): name is Operator =>
  (field.operators as readonly string[]).includes(name);

const bad = (value: unknown): { kind: "bad"; value: string } => ({
  kind: "bad",
  value: typeof value === "string" ? value : JSON.stringify(value),
});

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A scalar stands for a list of one. */
const listOf = (operand: unknown): readonly unknown[] =>
  Array.isArray(operand) ? operand : [operand];

const dayMs = 86_400_000;

/** One value of an item against one value of a filter. */
type Match = (
  value: unknown,
  given: unknown,
  context: { readonly nowMs: number; readonly field: Field<unknown> },
) => boolean;

const daysAgo = (given: unknown, nowMs: number): number => nowMs - Number(given) * dayMs;
const descends: Match = (value, given, { field }) =>
  same(value, given) || (field.above?.(value) ?? []).some((one) => same(one, given));
const includes: Match = (value, given) => textOf(value).includes(textOf(given));
const starts: Match = (value, given) => textOf(value).startsWith(textOf(given));

/** Operators that want a value of the item to match a value of the filter. */
const wanting: Partial<Record<Operator, Match>> = {
  deq: (value, given) => !same(value, given),
  contains: includes,
  text: includes,
  startswith: starts,
  startswithsingle: starts,
  endswith: (value, given) => textOf(value).endsWith(textOf(given)),
  gt: (value, given) => Number(value) > Number(given),
  gte: (value, given) => Number(value) >= Number(given),
  lt: (value, given) => Number(value) < Number(given),
  lte: (value, given) => Number(value) <= Number(given),
  gte_ndays: (value, given, { nowMs }) => Number(value) >= daysAgo(given, nowMs),
  lte_ndays: (value, given, { nowMs }) => Number(value) <= daysAgo(given, nowMs),
  range: (value, given) => within(Number(value), given as { start?: number; end?: number }),
  descendantof: descends,
};

/** Operators that want no value of the item to match any of the filter. */
const refusing: Partial<Record<Operator, Match>> = {
  ncontains: includes,
  doesnotstartwith: starts,
  ndescendantof: descends,
};

function compileTest(
  field: Field<unknown>,
  operator: Operator,
  operand: unknown,
  nowMs: number,
): Test | { bad: unknown } {
  const operands = listOf(operand);
  const wrong = operands.find((one) => !takes(field, operator, one));
  if (wrong !== undefined) return { bad: wrong };
  const any =
    (match: Match): Test =>
    (values) =>
      values.some((value) => operands.some((given) => match(value, given, { nowMs, field })));
  const equal: Test = (values) =>
    any(same)(values) || (values.length === 0 && operands.includes(null));
  if (operator === "eq" || operator === "cabinetmatchedrulesequals") return equal;
  if (operator === "neq") return (values) => !equal(values);
  if (operator === "isset") return (values) => values.length > 0 === operands.includes(true);
  if (operator === "isnotset") return (values) => (values.length === 0) === operands.includes(true);
  const match = wanting[operator];
  if (match) return any(match);
  const refused = any(refusing[operator] ?? (() => true));
  return (values) => !refused(values);
}

/** An entity is compared by its id. */
const textOf = (value: unknown): string =>
  String(isObject(value) && "id" in value ? value["id"] : value).toLowerCase();

/** Both ends belong to a range. */
const within = (
  value: number,
  { start = -Infinity, end = Infinity }: { start?: number; end?: number },
): boolean => value >= start && value <= end;

function same(value: unknown, given: unknown): boolean {
  if (isObject(value) && isObject(given)) {
    return Object.entries(given).every(
      ([key, one]) => value[key] === undefined || textOf(value[key]) === textOf(one),
    );
  }
  return typeof value === "string"
    ? textOf(value) === textOf(given)
    : value === given || Number(value) === given;
}

const numeric = new Set(["gt", "gte", "lt", "lte", "gte_ndays", "lte_ndays"]);
const wordy = new Set([
  "contains",
  "ncontains",
  "startswith",
  "startswithsingle",
  "doesnotstartwith",
  "endswith",
  "text",
]);

/** Whether the field's operator takes this value; what it does not take is a form error. */
function takes(field: Field<unknown>, operator: Operator, value: unknown): boolean {
  if (operator === "isset" || operator === "isnotset") return typeof value === "boolean";
  if (operator === "range")
    return isObject(value) && [value["start"], value["end"]].some((end) => typeof end === "number");
  if (numeric.has(operator)) return typeof value === "number";
  if (wordy.has(operator)) return typeof value === "string";
  if (value === null) return true;
  switch (field.type) {
    case "int":
      return Number.isInteger(value);
    case "bool":
      return typeof value === "boolean";
    case "instant":
      return typeof value === "number";
    case "pk":
      return isObject(value) || typeof value === "string";
    case "text":
    case "id":
      return typeof value === "string";
  }
}

/** The form error of a value that a known field does not take. */
export const formError = (value: string): Record<string, unknown> => ({
  filters: [
    {
      error: `${value} is not valid`,
      errorMessageCode: "CONSOLE_FORMS_NOT_VALID_VALUE",
      errorMessageParams: { value },
    },
  ],
  error: true,
});
