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
export type Listed = keyof typeof fieldTables;

type Words = Readonly<Record<number, string>>;

/** Fields that hold numbers, with the words that may stand for them. */
const numbers: Readonly<Record<string, Words>> = {
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

const flags = new Set([
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

const entities = new Set([
  "entity",
  "entity.entity",
  "entity.user",
  "collaborators.entity",
  "owner.entity",
]);

export type ReadFilter =
  | { readonly kind: "filter"; readonly filter: WireFilter }
  | { readonly kind: "fault"; readonly message: string };

/** Operators that take several values, joined by OR. */
const lists = new Set<Operator>([
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
export function readFilter(resource: Listed, text: string): ReadFilter {
  const [left = "", right] = text.split(/=(.*)/s);
  const table: Readonly<Record<string, readonly Operator[]>> = fieldTables[resource];
  if (right === undefined || right === "")
    return fault(`"${text}" has no value; want field=value, such as ${example(table)}`);
  const [field, operator] = table[left]
    ? [left, "eq"]
    : [left.replace(/\.[^.]*$/, ""), left.replace(/^.*\./, "")];
  const operators = table[field];
  if (!operators)
    return fault(
      `"${left}" is no field of ${resource}; want one of ${Object.keys(table).join(", ")}`,
    );
  if (!operators.includes(operator as Operator))
    return fault(`${field} takes ${operators.join(", ")}; "${operator}" is none of them`);
  const read = valueOf(resource, field, operator as Operator, right);
  return read.kind === "value"
    ? { kind: "filter", filter: { [field]: { [operator]: read.value } } }
    : fault(`${left} is "${right}", want ${read.form}`);
}

const fault = (message: string): ReadFilter => ({ kind: "fault", message });
const example = (table: Readonly<Record<string, readonly Operator[]>>): string =>
  `${Object.keys(table)[0] ?? "id"}=…`;

/** A value as the API takes it, or what it should have been. */
type ReadValue =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "wanted"; readonly form: string };

const value = (one: unknown): ReadValue => ({ kind: "value", value: one });
const wanted = (form: string): ReadValue => ({ kind: "wanted", form });

function valueOf(resource: Listed, field: string, operator: Operator, text: string): ReadValue {
  if (operator === "isset" || operator === "isnotset")
    return text === "true" ? value(true) : wanted("true");
  if (operator === "gte_ndays" || operator === "lte_ndays")
    return isNumber(text) ? value(Number(text)) : wanted("a number of days");
  if (operator === "range") return rangeOf(text);
  const isWhole = operator === "eq" || operator === "neq" || isTime(field);
  const one = (part: string): ReadValue => (isWhole ? scalar(resource, field, part) : value(part));
  if (!lists.has(operator) || text.startsWith("{")) return one(text);
  const read = text.split(",").map(one);
  return (
    read.find(({ kind }) => kind === "wanted") ??
    value(read.flatMap((part) => (part.kind === "value" ? [part.value] : [])))
  );
}

function rangeOf(text: string): ReadValue {
  const [start, end] = text.split("..").map(instantOf);
  return start === undefined || end === undefined
    ? wanted("two instants, such as 2026-11-01..2026-11-02")
    : value([{ start, end }]);
}

const isTime = (field: string): boolean => /date$|^created$/i.test(field);
const isNumber = (text: string): boolean => /^-?\d+(\.\d+)?$/.test(text);

/** Epoch milliseconds of an instant or a date; a number is taken for them. */
function instantOf(text: string): number | undefined {
  if (isNumber(text)) return Number(text);
  const ticks = parseInstant(text);
  return ticks === undefined ? undefined : msFromTicks(ticks);
}

/** One value by the kind of its field; text stays text, whatever it looks like. `null`: where it is not set. */
function scalar(resource: Listed, field: string, text: string): ReadValue {
  if (text === "null") return value(null);
  if (isTime(field)) {
    const ms = instantOf(text);
    return ms === undefined
      ? wanted("an instant, such as 2026-11-01 or 2026-11-01T06:00:00Z")
      : value(ms);
  }
  if (flags.has(field))
    return text === "true" || text === "false" ? value(text === "true") : wanted("true or false");
  if (entities.has(field))
    return text.startsWith("{") ? readKey(text) : value({ id: text, saas: 11_161, inst: 0 });
  const words = numbers[`${resource} ${field}`] ?? numbers[field];
  if (!words) return value(text);
  if (isNumber(text)) return value(Number(text));
  const number = numberOf(words, text);
  return number === undefined
    ? wanted([...Object.values(words), "a number"].join(", "))
    : value(number);
}

/** An account of Microsoft 365 is named by its id alone, any other entity by its key as JSON. */
function readKey(text: string): ReadValue {
  try {
    const key: unknown = JSON.parse(text);
    if (typeof key === "object" && key !== null && "id" in key) return value(key);
  } catch {
    // Falls to the answer below, as a key without an id does.
  }
  return wanted('an id, or a key such as {"id":"a@contoso.com","saas":11770,"inst":0}');
}

/** `--since 2d` as a filter. */
export function sinceFilter(resource: Listed, text: string, nowMs: number): ReadFilter {
  const field = timeOf[resource];
  if (field === undefined)
    return fault(`${resource} have no time; --since has no meaning for them`);
  const ms = parseDuration(text);
  if (ms === undefined) return fault(`--since ${text} is no duration; want 2d, 12h or 30m`);
  return { kind: "filter", filter: { [field]: { gte: nowMs - ms } } };
}

const timeOf: Readonly<Partial<Record<Listed, string>>> = {
  alerts: "date",
  activities: "date",
  files: "modifiedDate",
};
