/**
 * What each filter operator means, read off the API's documentation for the items as the API shows them: the
 * expectation that the tenant's answers are held against.
 */
import type { Operator } from "../../../../shared/clients/cloud-apps/filters.ts";

const low = (value: unknown): string =>
  String(
    typeof value === "object" && value !== null ? (value as { id: unknown }).id : value,
  ).toLowerCase();

/** Whether an item with these values is in the answer to `operator: operand`. `above` are the parents of a value. */
export function expected(
  operator: Operator,
  operand: unknown,
  values: readonly unknown[],
  nowMs: number,
  above: (value: unknown) => readonly string[] = () => [],
): boolean {
  const wanted = Array.isArray(operand) ? (operand as unknown[]) : [operand];
  const some = (test: (value: unknown, one: unknown) => boolean): boolean =>
    values.some((value) => wanted.some((one) => test(value, one)));
  const equal = some((a, b) => low(a) === low(b)) || (values.length === 0 && wanted.includes(null));
  const below = some((a, b) => [a, ...above(a)].some((one) => low(one) === low(b)));
  const ago = nowMs - Number(operand) * 86_400_000;
  switch (operator) {
    case "eq":
    case "cabinetmatchedrulesequals":
      return equal;
    case "neq":
      return !equal;
    case "deq":
      return some((a, b) => low(a) !== low(b));
    case "isset":
      return values.length > 0;
    case "isnotset":
      return values.length === 0;
    case "contains":
    case "text":
      return some((a, b) => low(a).includes(low(b)));
    case "ncontains":
      return !some((a, b) => low(a).includes(low(b)));
    case "startswith":
    case "startswithsingle":
      return some((a, b) => low(a).startsWith(low(b)));
    case "doesnotstartwith":
      return !some((a, b) => low(a).startsWith(low(b)));
    case "endswith":
      return some((a, b) => low(a).endsWith(low(b)));
    case "descendantof":
      return below;
    case "ndescendantof":
      return !below;
    case "gt":
      return some((a, b) => Number(a) > Number(b));
    case "gte":
      return some((a, b) => Number(a) >= Number(b));
    case "lt":
      return some((a, b) => Number(a) < Number(b));
    case "lte":
      return some((a, b) => Number(a) <= Number(b));
    case "gte_ndays":
      return values.some((value) => Number(value) >= ago);
    case "lte_ndays":
      return values.some((value) => Number(value) <= ago);
    case "range":
      return some((a, b) => within(Number(a), b as { start: number; end: number }));
  }
}

const within = (value: number, { start, end }: { start: number; end: number }): boolean =>
  value >= start && value <= end;
