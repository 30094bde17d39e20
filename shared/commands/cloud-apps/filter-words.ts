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
import { msFromTicks, parseDuration, parseInstant } from "../../time.ts";

/** Fields and operators by resource. */
export const fieldTables = {
  alerts: alertFields,
  activities: activityFields,
  entities: entityFields,
  files: fileFields,
  "ip-ranges": ipRangeFields,
} as const;
export type Listed = keyof typeof fieldTables;

/** Words that may stand for numbers, by field. */
const words: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  severity: severities,
  resolutionStatus: resolutionStatuses,
  source: activitySources,
  status: entityStatuses,
  fileType: fileTypes,
  sharing: sharings,
  category: ipCategories,
  "ip.category": ipCategories,
  service: apps,
  app: apps,
  "entity.service": apps,
};

export type ReadFilter =
  | { readonly kind: "filter"; readonly filter: WireFilter }
  | { readonly kind: "fault"; readonly message: string };

const lists = new Set<Operator>([
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
  const [left = "", value] = text.split(/=(.*)/s);
  const table: Readonly<Record<string, readonly Operator[]>> = fieldTables[resource];
  if (value === undefined || value === "")
    return fault(`"${text}" has no value; want field=value, such as ${example(table)}`);
  const [field, operator] = table[left] ? [left, "eq"] : [left.replace(/\.[^.]*$/, ""), left.replace(/^.*\./, "")];
  const operators = table[field];
  if (!operators) return fault(`"${left}" is no field of ${resource}; want one of ${Object.keys(table).join(", ")}`);
  if (!operators.includes(operator as Operator))
    return fault(`${field} takes ${operators.join(", ")}; "${operator}" is none of them`);
  return { kind: "filter", filter: { [field]: { [operator]: valueOf(field, operator as Operator, value) } } };
}

const fault = (message: string): ReadFilter => ({ kind: "fault", message });
const example = (table: Readonly<Record<string, readonly Operator[]>>): string => `${Object.keys(table)[0] ?? "id"}=…`;

function valueOf(field: string, operator: Operator, text: string): unknown {
  if (operator === "isset" || operator === "isnotset") return true;
  if (operator === "range") {
    const [start = "", end = ""] = text.split("..");
    return [{ start: scalar(field, start), end: scalar(field, end) }];
  }
  return lists.has(operator) ? text.split(",").map((one) => scalar(field, one)) : scalar(field, text);
}

/** A word of the field's table, true or false, a number, an instant as epoch milliseconds, or the text itself. */
function scalar(field: string, text: string): string | number | boolean {
  const number = words[field] && numberOf(words[field], text);
  if (number !== undefined) return number;
  if (text === "true" || text === "false") return text === "true";
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  const ticks = /date|created/i.test(field) ? parseInstant(text) : undefined;
  return ticks === undefined ? text : msFromTicks(ticks);
}

/** `--since 2d` as a filter; `undefined` when the text is no duration. */
export function sinceFilter(resource: Listed, text: string, nowMs: number): WireFilter | undefined {
  const ms = parseDuration(text);
  const field = resource === "files" ? "modifiedDate" : "date";
  return ms === undefined ? undefined : { [field]: { gte: nowMs - ms } };
}
