/**
 * Parses filters as a person types them: `severity=high`, `date.gte=2026-11-01`,
 * `ip.address.startswith=10.`.
 */
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
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import { msFromTicks, parseDuration, parseInstant } from "../../runtime/time.ts";

/** The operators of each field, by resource. */
export const fieldTables = {
  alerts: alertFields,
  activities: activityFields,
  entities: entityFields,
  files: fileFields,
  "ip-ranges": ipRangeFields,
} as const;
export type ListedResource = keyof typeof fieldTables;
export const listedResources = Object.keys(fieldTables) as readonly ListedResource[];

type EnumNames = Readonly<Record<number, string>>;

/** Fields that hold numbers, with the words that stand for them. */
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

/** Returns the words that a field accepts in addition to numbers. */
export const listWords = (resource: ListedResource, field: string): readonly string[] =>
  Object.values(findEnum(resource, field) ?? {});

const findEnum = (resource: ListedResource, field: string): EnumNames | undefined =>
  numericFields[`${resource} ${field}`] ?? numericFields[field];

/** Parses one `field[.operator]=value[,value]`; the operator is `eq` when none is given. */
export function parseFilter(resource: ListedResource, text: string): ParsedFilter {
  const [fieldText = "", valueText] = text.split(/=(.*)/s);
  const table: Readonly<Record<string, readonly Operator[]>> = fieldTables[resource];
  if (valueText === undefined || valueText === "")
    return toFault(`--filter ${text} must have a value, such as ${toExample(table)}.`);
  const [field, operatorText] = table[fieldText]
    ? [fieldText, "eq"]
    : [fieldText.replace(/\.[^.]*$/, ""), fieldText.replace(/^.*\./, "")];
  const operators = table[field];
  if (!operators) {
    const fields = Object.keys(table);
    return toFault(
      `Unknown field "${fieldText}". A field of ${resource} must be one of ${fields.join(", ")}.` +
        formatSuggestion(fieldText, fields),
    );
  }
  const operator = operators.find((one) => one === operatorText);
  if (operator === undefined)
    return toFault(`The operator of ${field} must be one of ${operators.join(", ")}.`);
  const parsed = parseValue({ resource, field, operator }, valueText);
  return parsed.kind === "value"
    ? { kind: "filter", filter: { [field]: { [operator]: parsed.value } } }
    : toFault(`${fieldText} must be ${parsed.expected}; it is "${valueText}".`);
}

const toFault = (message: string): ParsedFilter => ({ kind: "fault", message });
const toExample = (table: Readonly<Record<string, readonly Operator[]>>): string =>
  `${Object.keys(table)[0] ?? "id"}=…`;

/** A value in the API's form, or the form that it must have. */
type ParsedValue =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "invalid"; readonly expected: string };

interface Condition {
  readonly resource: ListedResource;
  readonly field: string;
  readonly operator: Operator;
}

const toValue = (one: unknown): ParsedValue => ({ kind: "value", value: one });
const toInvalid = (expected: string): ParsedValue => ({ kind: "invalid", expected });

function parseValue(condition: Condition, text: string): ParsedValue {
  const { field, operator } = condition;
  if (operator === "isset" || operator === "isnotset")
    return text === "true" ? toValue(true) : toInvalid("true");
  if (operator === "gte_ndays" || operator === "lte_ndays")
    return isNumber(text) ? toValue(Number(text)) : toInvalid("a number of days");
  if (operator === "range") return parseRange(text);
  const isTyped = operator === "eq" || operator === "neq" || isTimeField(field);
  const parsePart = (part: ValuePart): ParsedValue =>
    isTyped ? parseScalar(condition, part) : toValue(part.text);
  if (!listOperators.has(operator) || text.startsWith("{"))
    return parsePart({ text, isQuoted: false });
  return joinValues(splitParts(text).map(parsePart));
}

const joinValues = (parsed: readonly ParsedValue[]): ParsedValue =>
  parsed.find(({ kind }) => kind === "invalid") ??
  toValue(parsed.flatMap((part) => (part.kind === "value" ? [part.value] : [])));

/** One value of a list. A quoted one is text, also where it looks like a number or `null`. */
interface ValuePart {
  readonly text: string;
  readonly isQuoted: boolean;
}

/** Splits at commas; a part in double quotes may hold commas, and `""` is one quote. */
function splitParts(text: string): readonly ValuePart[] {
  const parts: ValuePart[] = [];
  for (let rest = text; ;) {
    const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(rest);
    const [matched = "", inner] = quoted ?? /^[^,]*/.exec(rest) ?? [];
    parts.push({ text: inner?.replaceAll('""', '"') ?? matched, isQuoted: inner !== undefined });
    if (matched.length === rest.length) return parts;
    rest = rest.slice(matched.length + 1);
  }
}

function parseRange(text: string): ParsedValue {
  const [start, end] = text.split("..").map(parseInstantMs);
  return start === undefined || end === undefined
    ? toInvalid("two instants, such as 2026-11-01..2026-11-02")
    : toValue([{ start, end }]);
}

const isTimeField = (field: string): boolean => /date$|^created$/i.test(field);
const isNumber = (text: string): boolean => /^-?\d+(\.\d+)?$/.test(text);

/** Numbers below this are epoch seconds: as milliseconds they would be in 1970. */
const minEpochMs = 31_536_000_000;

/** Returns epoch milliseconds of an instant, a date, or epoch milliseconds or seconds. */
function parseInstantMs(text: string): number | undefined {
  if (isNumber(text)) return Number(text) < minEpochMs ? Number(text) * 1_000 : Number(text);
  const ticks = parseInstant(text);
  return ticks === undefined ? undefined : msFromTicks(ticks);
}

const parseInstantValue = (text: string): ParsedValue => {
  const ms = parseInstantMs(text);
  return ms === undefined
    ? toInvalid("an instant, such as 2026-11-01 or 2026-11-01T06:00:00Z")
    : toValue(ms);
};

const parseBoolean = (text: string): ParsedValue =>
  text === "true" || text === "false" ? toValue(text === "true") : toInvalid("true or false");

/** Parses one value by the kind of its field; `null` matches items where the field is not set. */
function parseScalar({ resource, field }: Condition, part: ValuePart): ParsedValue {
  const { text, isQuoted } = part;
  if (text === "null" && !isQuoted) return toValue(null);
  if (isTimeField(field)) return parseInstantValue(text);
  if (booleanFields.has(field)) return parseBoolean(text);
  if (entityKeyFields.has(field))
    return text.startsWith("{")
      ? parseEntityKey(text)
      : toValue({ id: text, saas: microsoft365, inst: 0 });
  const enumNames = findEnum(resource, field);
  return enumNames === undefined ? toValue(text) : parseEnum(enumNames, text);
}

/** The number of Microsoft 365 among the apps. */
const microsoft365 = 11_161;

function parseEnum(enumNames: EnumNames, text: string): ParsedValue {
  const number = isNumber(text) ? Number(text) : numberOf(enumNames, text);
  const words = Object.values(enumNames);
  return number === undefined ? toInvalid([...words, "a number"].join(", ")) : toValue(number);
}

/** Parses an entity's key as JSON; an account of Microsoft 365 needs its id only. */
function parseEntityKey(text: string): ParsedValue {
  try {
    const key: unknown = JSON.parse(text);
    if (typeof key === "object" && key !== null && "id" in key) return toValue(key);
  } catch {
    // The answer below covers text that is not JSON, too.
  }
  return toInvalid('an id, or a key such as {"id":"a@contoso.com","saas":11770,"inst":0}');
}

/** Converts `--since 2d` to a filter. */
export function createSinceFilter(
  resource: ListedResource,
  text: string,
  nowMs: number,
): ParsedFilter {
  const field = timeFields[resource];
  if (field === undefined) return toFault(`--since must be left out: ${resource} have no time.`);
  const ms = parseDuration(text);
  if (ms === undefined)
    return toFault(`--since must be a duration such as 2d, 12h or 30m; it is "${text}".`);
  return { kind: "filter", filter: { [field]: { gte: nowMs - ms } } };
}

const timeFields: Readonly<Partial<Record<ListedResource, string>>> = {
  alerts: "date",
  activities: "date",
  files: "modifiedDate",
};
