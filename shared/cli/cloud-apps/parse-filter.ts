/** Filters as a person types them: `severity=high`, `date.gte=2026-11-01`, `ip.address.startswith=10.`. */
import {
  activityFields,
  alertFields,
  entityFields,
  fileFields,
  ipRangeFields,
  type Operator,
  type WireFilter,
} from "../../clients/cloud-apps/filters.ts";
import {
  activitySources,
  apps,
  entityStatuses,
  fileTypes,
  ipCategories,
  numberOf,
  resolutionStatuses,
  severities,
  sharings,
} from "../../clients/cloud-apps/enums.ts";
import { msFromTicks, parseDuration, parseInstant } from "../../runtime/time.ts";

/** Fields and operators by resource. */
export const fieldTables = {
  alerts: alertFields,
  activities: activityFields,
  entities: entityFields,
  files: fileFields,
  "ip-ranges": ipRangeFields,
} as const;
export type ListedResource = keyof typeof fieldTables;

type EnumNames = Readonly<Record<number, string>>;

/** Fields that hold numbers, with the words that may stand for them. */
const numericFields: Readonly<Record<string, EnumNames>> = {
  severity: severities,
  resolutionStatus: resolutionStatuses,
  status: entityStatuses,
  fileType: fileTypes,
  sharing: sharings,
  category: ipCategories,
  "ip.category": ipCategories,
  service: apps,
  app: apps,
  "entity.service": apps,
  "activities source": activitySources,
  "alerts source": { 0: "built-in", 1: "policy" },
  "entities type": {},
  instance: {},
  "entity.instance": {},
  risk: {},
  alertType: {},
};

const booleanFields = new Set([
  "alertOpen",
  "read",
  "activity.impersonated",
  "activity.type",
  "isAdmin",
  "isExternal",
  "allowDeleted",
  "trashed",
  "quarantined",
  "builtIn",
]);

const entityKeyFields = new Set([
  "entity",
  "entity.entity",
  "entity.user",
  "collaborators.entity",
  "owner.entity",
]);

export type ParsedFilter =
  | { readonly kind: "filter"; readonly filter: WireFilter }
  | { readonly kind: "fault"; readonly message: string };

/** Operators that take several values, joined by OR. */
const listOperators = new Set<Operator>([
  "cabinetmatchedrulesequals",
  "eq",
  "neq",
  "deq",
  "contains",
  "ncontains",
  "startswith",
  "doesnotstartwith",
  "endswith",
  "descendantof",
  "ndescendantof",
]);

/** Reads one `field[.operator]=value[,value]`; without an operator it is `eq`. */
export function parseFilter(resource: ListedResource, text: string): ParsedFilter {
  const [fieldText = "", valueText] = text.split(/=(.*)/s);
  const table: Readonly<Record<string, readonly Operator[]>> = fieldTables[resource];
  if (valueText === undefined || valueText === "")
    return toFault(`"${text}" has no value; want field=value, such as ${toExample(table)}`);
  const [field, operator] = table[fieldText]
    ? [fieldText, "eq"]
    : [fieldText.replace(/\.[^.]*$/, ""), fieldText.replace(/^.*\./, "")];
  const operators = table[field];
  if (!operators)
    return toFault(
      `"${fieldText}" is no field of ${resource}; want one of ${Object.keys(table).join(", ")}`,
    );
  if (!operators.includes(operator as Operator))
    return toFault(`${field} takes ${operators.join(", ")}; "${operator}" is none of them`);
  const parsed = parseValue(resource, field, operator as Operator, valueText);
  return parsed.kind === "value"
    ? { kind: "filter", filter: { [field]: { [operator]: parsed.value } } }
    : toFault(`${fieldText} is "${valueText}", want ${parsed.expected}`);
}

const toFault = (message: string): ParsedFilter => ({ kind: "fault", message });
const toExample = (table: Readonly<Record<string, readonly Operator[]>>): string =>
  `${Object.keys(table)[0] ?? "id"}=…`;

/** A value as the API takes it, or what it should have been. */
type ParsedValue =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "wanted"; readonly expected: string };

const toValue = (one: unknown): ParsedValue => ({ kind: "value", value: one });
const toInvalid = (expected: string): ParsedValue => ({ kind: "wanted", expected });

function parseValue(
  resource: ListedResource,
  field: string,
  operator: Operator,
  text: string,
): ParsedValue {
  if (operator === "isset" || operator === "isnotset")
    return text === "true" ? toValue(true) : toInvalid("true");
  if (operator === "gte_ndays" || operator === "lte_ndays")
    return isNumber(text) ? toValue(Number(text)) : toInvalid("a number of days");
  if (operator === "range") return parseRange(text);
  const isTyped = operator === "eq" || operator === "neq" || isTimeField(field);
  const parsePart = (part: string): ParsedValue =>
    isTyped ? parseScalar(resource, field, part) : toValue(part);
  if (!listOperators.has(operator) || text.startsWith("{")) return parsePart(text);
  const parsed = text.split(",").map(parsePart);
  return (
    parsed.find(({ kind }) => kind === "wanted") ??
    toValue(parsed.flatMap((part) => (part.kind === "value" ? [part.value] : [])))
  );
}

function parseRange(text: string): ParsedValue {
  const [start, end] = text.split("..").map(parseInstantMs);
  return start === undefined || end === undefined
    ? toInvalid("two instants, such as 2026-11-01..2026-11-02")
    : toValue([{ start, end }]);
}

const isTimeField = (field: string): boolean => /date$|^created$/i.test(field);
const isNumber = (text: string): boolean => /^-?\d+(\.\d+)?$/.test(text);

/** Epoch milliseconds of an instant or a date; a number is taken for them. */
function parseInstantMs(text: string): number | undefined {
  if (isNumber(text)) return Number(text);
  const ticks = parseInstant(text);
  return ticks === undefined ? undefined : msFromTicks(ticks);
}

/** One value by the kind of its field; text stays text, whatever it looks like. `null`: where it is not set. */
function parseScalar(resource: ListedResource, field: string, text: string): ParsedValue {
  if (text === "null") return toValue(null);
  if (isTimeField(field)) {
    const ms = parseInstantMs(text);
    return ms === undefined
      ? toInvalid("an instant, such as 2026-11-01 or 2026-11-01T06:00:00Z")
      : toValue(ms);
  }
  if (booleanFields.has(field))
    return text === "true" || text === "false"
      ? toValue(text === "true")
      : toInvalid("true or false");
  if (entityKeyFields.has(field))
    return text.startsWith("{")
      ? parseEntityKey(text)
      : toValue({ id: text, saas: 11_161, inst: 0 });
  const enumNames = numericFields[`${resource} ${field}`] ?? numericFields[field];
  if (!enumNames) return toValue(text);
  if (isNumber(text)) return toValue(Number(text));
  const number = numberOf(enumNames, text);
  return number === undefined
    ? toInvalid([...Object.values(enumNames), "a number"].join(", "))
    : toValue(number);
}

/** An account of Microsoft 365 is named by its id alone, any other entity by its key as JSON. */
function parseEntityKey(text: string): ParsedValue {
  try {
    const key: unknown = JSON.parse(text);
    if (typeof key === "object" && key !== null && "id" in key) return toValue(key);
  } catch {
    // Falls to the answer below, as a key without an id does.
  }
  return toInvalid('an id, or a key such as {"id":"a@contoso.com","saas":11770,"inst":0}');
}

/** `--since 2d` as a filter. */
export function createSinceFilter(
  resource: ListedResource,
  text: string,
  nowMs: number,
): ParsedFilter {
  const field = timeFields[resource];
  if (field === undefined)
    return toFault(`${resource} have no time; --since has no meaning for them`);
  const ms = parseDuration(text);
  if (ms === undefined) return toFault(`--since ${text} is no duration; want 2d, 12h or 30m`);
  return { kind: "filter", filter: { [field]: { gte: nowMs - ms } } };
}

const timeFields: Readonly<Partial<Record<ListedResource, string>>> = {
  alerts: "date",
  activities: "date",
  files: "modifiedDate",
};
