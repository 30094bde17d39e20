/**
 * Evaluates the filters of Cloud Apps lists: fields are ANDed, operators are ANDed, values are
 * ORed.
 */

/** The operators of the API. */
type Operator =
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
  /** Every value of the item; empty if it is not set. */
  readonly readValues: (item: Item) => readonly unknown[];
  /** Ancestors of a value, for `descendantof`. */
  readonly ancestors?: (value: unknown) => readonly unknown[];
}

export type Fields<Item> = Readonly<Record<string, Field<Item>>>;

/** How to treat an unknown field. */
export type UnknownField = "empty" | "ignore" | "400";

/** A parsed filter, or the invalid value. */
export type CompiledFilter<Item> =
  | {
      readonly kind: "filter";
      readonly matches: (item: Item) => boolean;
      readonly isEmpty: boolean;
    }
  | { readonly kind: "invalid"; readonly value: string };

type FilterTest = (values: readonly unknown[]) => boolean;

/** @param filters - as sent: an object of fields, each an object of operators */
export function compileFilters<Item>(
  filters: unknown,
  fields: Fields<Item>,
  unknownField: UnknownField,
  nowMs: number,
): CompiledFilter<Item> {
  if (filters === undefined || filters === null)
    return { kind: "filter", matches: () => true, isEmpty: true };
  if (!isObject(filters)) return toInvalidFilter(filters);
  const tests: ((item: Item) => boolean)[] = [];
  for (const [name, operations] of Object.entries(filters)) {
    const field = fields[name];
    const unknownNames = field
      ? Object.keys(isObject(operations) ? operations : {}).filter(
          (one) => !acceptsOperator(field, one),
        )
      : [name];
    if (unknownNames.length > 0) {
      if (unknownField === "400") return toInvalidFilter(unknownNames[0]);
      if (unknownField === "empty") tests.push(() => false);
      if (!field) continue;
    }
    if (!field || !isObject(operations)) return toInvalidFilter(operations);
    for (const [operator, operand] of Object.entries(operations)) {
      if (!acceptsOperator(field, operator)) continue;
      const test = compileTest(field as Field<unknown>, operator, operand, nowMs);
      if (typeof test === "object") return toInvalidFilter(test.invalid);
      tests.push((item) => test(field.readValues(item)));
    }
  }
  return {
    kind: "filter",
    matches: (item) => tests.every((test) => test(item)),
    isEmpty: Object.keys(filters).length === 0,
  };
}

const acceptsOperator = (field: Field<never>, name: string): name is Operator =>
  (field.operators as readonly string[]).includes(name);

const toInvalidFilter = (value: unknown): { kind: "invalid"; value: string } => ({
  kind: "invalid",
  value: typeof value === "string" ? value : JSON.stringify(value),
});

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Treats a scalar as a list of one. */
const toList = (operand: unknown): readonly unknown[] =>
  Array.isArray(operand) ? operand : [operand];

const dayMs = 86_400_000;

/** Compares one value of an item with one value of a filter. */
type ValueMatcher = (
  value: unknown,
  expected: unknown,
  context: { readonly nowMs: number; readonly field: Field<unknown> },
) => boolean;

const daysAgo = (days: unknown, nowMs: number): number => nowMs - Number(days) * dayMs;
const isDescendant: ValueMatcher = (value, expected, { field }) =>
  isSameValue(value, expected) ||
  (field.ancestors?.(value) ?? []).some((one) => isSameValue(one, expected));
const includesText: ValueMatcher = (value, expected) => toText(value).includes(toText(expected));
const startsWithText: ValueMatcher = (value, expected) =>
  toText(value).startsWith(toText(expected));

/** Operators that are true if a value of the item matches a value of the filter. */
const positiveMatchers: Partial<Record<Operator, ValueMatcher>> = {
  deq: (value, expected) => !isSameValue(value, expected),
  contains: includesText,
  text: includesText,
  startswith: startsWithText,
  startswithsingle: startsWithText,
  endswith: (value, expected) => toText(value).endsWith(toText(expected)),
  gt: (value, expected) => Number(value) > Number(expected),
  gte: (value, expected) => Number(value) >= Number(expected),
  lt: (value, expected) => Number(value) < Number(expected),
  lte: (value, expected) => Number(value) <= Number(expected),
  gte_ndays: (value, expected, { nowMs }) => Number(value) >= daysAgo(expected, nowMs),
  lte_ndays: (value, expected, { nowMs }) => Number(value) <= daysAgo(expected, nowMs),
  range: (value, expected) =>
    isWithinRange(Number(value), expected as { start?: number; end?: number }),
  descendantof: isDescendant,
};

/** Operators that are true if no value of the item matches any value of the filter. */
const negativeMatchers: Partial<Record<Operator, ValueMatcher>> = {
  ncontains: includesText,
  doesnotstartwith: startsWithText,
  ndescendantof: isDescendant,
};

function compileTest(
  field: Field<unknown>,
  operator: Operator,
  operand: unknown,
  nowMs: number,
): FilterTest | { invalid: unknown } {
  const operands = toList(operand);
  const invalidOperand = operands.find((one) => !acceptsValue(field, operator, one));
  if (invalidOperand !== undefined) return { invalid: invalidOperand };
  const createAnyTest =
    (match: ValueMatcher): FilterTest =>
    (values) =>
      values.some((value) => operands.some((expected) => match(value, expected, { nowMs, field })));
  const isEqual: FilterTest = (values) =>
    createAnyTest(isSameValue)(values) || (values.length === 0 && operands.includes(null));
  if (operator === "eq" || operator === "cabinetmatchedrulesequals") return isEqual;
  if (operator === "neq") return (values) => !isEqual(values);
  if (operator === "isset") return (values) => values.length > 0 === operands.includes(true);
  if (operator === "isnotset") return (values) => (values.length === 0) === operands.includes(true);
  const match = positiveMatchers[operator];
  if (match) return createAnyTest(match);
  const isExcluded = createAnyTest(negativeMatchers[operator] ?? (() => true));
  return (values) => !isExcluded(values);
}

/** Compares an entity by its id. */
const toText = (value: unknown): string =>
  String(isObject(value) && "id" in value ? value["id"] : value).toLowerCase();

/** Ranges include both ends. */
const isWithinRange = (
  value: number,
  { start = -Infinity, end = Infinity }: { start?: number; end?: number },
): boolean => value >= start && value <= end;

function isSameValue(value: unknown, expected: unknown): boolean {
  if (isObject(value) && isObject(expected)) {
    return Object.entries(expected).every(
      ([key, one]) => value[key] === undefined || toText(value[key]) === toText(one),
    );
  }
  return typeof value === "string"
    ? toText(value) === toText(expected)
    : value === expected || Number(value) === expected;
}

const numericOperators = new Set(["gt", "gte", "lt", "lte", "gte_ndays", "lte_ndays"]);
const textOperators = new Set([
  "contains",
  "ncontains",
  "startswith",
  "startswithsingle",
  "doesnotstartwith",
  "endswith",
  "text",
]);

/** True if the field's operator accepts this value; otherwise the answer is a form error. */
function acceptsValue(field: Field<unknown>, operator: Operator, value: unknown): boolean {
  if (operator === "isset" || operator === "isnotset") return typeof value === "boolean";
  if (operator === "range")
    return isObject(value) && [value["start"], value["end"]].some((end) => typeof end === "number");
  if (numericOperators.has(operator)) return typeof value === "number";
  if (textOperators.has(operator)) return typeof value === "string";
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

/** Returns the form error for an invalid value of a known field. */
export const toFormError = (value: string): Record<string, unknown> => ({
  filters: [
    {
      error: `${value} is not valid`,
      errorMessageCode: "CONSOLE_FORMS_NOT_VALID_VALUE",
      errorMessageParams: { value },
    },
  ],
  error: true,
});
