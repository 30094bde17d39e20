/**
 * What each filter operator means, read off the API's documentation for the items as the API shows
 * them: the expectation that the tenant's answers are held against.
 */
import type { Operator } from "../../../../shared/clients/cloud-apps/filters.ts";

const toLowerText = (value: unknown): string =>
  String(
    typeof value === "object" && value !== null ? (value as { id: unknown }).id : value,
  ).toLowerCase();

/**
 * Whether an item with these values is in the answer to `operator: operand`. `parentsOf` are the
 * parents of a value.
 */
export function matchesFilter(
  operator: Operator,
  operand: unknown,
  values: readonly unknown[],
  nowMs: number,
  parentsOf: (value: unknown) => readonly string[] = () => [],
): boolean {
  const operands = Array.isArray(operand) ? (operand as unknown[]) : [operand];
  const hasMatch = (test: (value: unknown, one: unknown) => boolean): boolean =>
    values.some((value) => operands.some((one) => test(value, one)));
  const isEqual =
    hasMatch((a, b) => toLowerText(a) === toLowerText(b)) ||
    (values.length === 0 && operands.includes(null));
  const isBelow = hasMatch((a, b) =>
    [a, ...parentsOf(a)].some((one) => toLowerText(one) === toLowerText(b)),
  );
  const thresholdMs = nowMs - Number(operand) * 86_400_000;
  switch (operator) {
    case "eq":
    case "cabinetmatchedrulesequals":
      return isEqual;
    case "neq":
      return !isEqual;
    case "deq":
      return hasMatch((a, b) => toLowerText(a) !== toLowerText(b));
    case "isset":
      return values.length > 0;
    case "isnotset":
      return values.length === 0;
    case "contains":
    case "text":
      return hasMatch((a, b) => toLowerText(a).includes(toLowerText(b)));
    case "ncontains":
      return !hasMatch((a, b) => toLowerText(a).includes(toLowerText(b)));
    case "startswith":
    case "startswithsingle":
      return hasMatch((a, b) => toLowerText(a).startsWith(toLowerText(b)));
    case "doesnotstartwith":
      return !hasMatch((a, b) => toLowerText(a).startsWith(toLowerText(b)));
    case "endswith":
      return hasMatch((a, b) => toLowerText(a).endsWith(toLowerText(b)));
    case "descendantof":
      return isBelow;
    case "ndescendantof":
      return !isBelow;
    case "gt":
      return hasMatch((a, b) => Number(a) > Number(b));
    case "gte":
      return hasMatch((a, b) => Number(a) >= Number(b));
    case "lt":
      return hasMatch((a, b) => Number(a) < Number(b));
    case "lte":
      return hasMatch((a, b) => Number(a) <= Number(b));
    case "gte_ndays":
      return values.some((value) => Number(value) >= thresholdMs);
    case "lte_ndays":
      return values.some((value) => Number(value) <= thresholdMs);
    case "range":
      return hasMatch((a, b) => isWithin(Number(a), b as { start: number; end: number }));
  }
}

const isWithin = (value: number, { start, end }: { start: number; end: number }): boolean =>
  value >= start && value <= end;
