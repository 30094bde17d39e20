/**
 * Filters of the Cloud Apps API as types: each field of each resource with the operators that it
 * accepts. Fields are joined by AND, several values of one operator by OR.
 *
 * @see Microsoft Learn, "Defender for Cloud Apps REST API" (operators) and the page of each
 *   resource (fields)
 */

/** The key of an account, an app or another entity. */
export interface EntityKey {
  readonly id: string;
  readonly inst?: number;
  readonly saas?: number;
}

type Value = string | number | boolean | EntityKey | null;
type OneOrMany = Value | readonly Value[];

/**
 * The values of each of the 21 operators, and of the one that a file's `policy` has in place of
 * `eq`.
 */
interface OperatorValues {
  readonly cabinetmatchedrulesequals: OneOrMany;
  readonly contains: string | readonly string[];
  readonly deq: OneOrMany;
  readonly descendantof: OneOrMany;
  readonly doesnotstartwith: string | readonly string[];
  readonly endswith: string | readonly string[];
  readonly eq: OneOrMany;
  readonly gt: number;
  readonly gte: number;
  readonly gte_ndays: number;
  readonly isnotset: true;
  readonly isset: true;
  readonly lt: number;
  readonly lte: number;
  readonly lte_ndays: number;
  readonly ncontains: string | readonly string[];
  readonly ndescendantof: OneOrMany;
  readonly neq: OneOrMany;
  readonly range: readonly { readonly start: number; readonly end: number }[];
  readonly startswith: string | readonly string[];
  readonly startswithsingle: string;
  readonly text: string;
}

export type Operator = keyof OperatorValues;
type Fields = Readonly<Record<string, readonly Operator[]>>;

const equal = ["eq", "neq"] as const;
const equalOrSet = ["eq", "neq", "isset", "isnotset"] as const;
const time = ["lte", "gte", "range", "lte_ndays", "gte_ndays"] as const;

/** Fields of `/alerts/`. Times are epoch milliseconds. */
export const alertFields = {
  "entity.entity": equal,
  "entity.ip": equal,
  "entity.service": equal,
  "entity.instance": equal,
  "entity.policy": equal,
  "entity.file": equal,
  "entity.user": equal,
  alertOpen: ["eq"],
  severity: equal,
  resolutionStatus: equal,
  read: ["eq"],
  date: time,
  resolutionDate: ["lte", "gte", "range"],
  risk: equal,
  alertType: equal,
  id: equal,
  source: ["eq"],
} as const satisfies Fields;

/** Fields of `/activities/`. */
export const activityFields = {
  service: equal,
  instance: equal,
  "user.orgUnit": equalOrSet,
  "user.username": ["eq", "neq", "isset", "isnotset", "startswith"],
  "user.tags": ["eq", "neq", "isset", "isnotset", "startswith"],
  "user.domain": equalOrSet,
  actionType: ["contains", "eq", "neq", "isset", "isnotset"],
  "activity.eventActionType": equal,
  "activity.eventType": equal,
  "activity.id": ["eq"],
  "activity.alertId": ["eq"],
  "activity.impersonated": ["eq"],
  "activity.type": ["eq"],
  "activity.takenAction": equal,
  activityObject: equal,
  "device.type": equal,
  "device.tags": equal,
  "userAgent.userAgent": ["contains", "ncontains"],
  "userAgent.tags": equal,
  "location.country": equalOrSet,
  "location.organizations": ["eq", "neq", "isset", "isnotset", "contains"],
  "ip.address": ["eq", "neq", "startswith", "doesnotstartwith", "isset", "isnotset"],
  "ip.category": equal,
  "ip.tags": equal,
  fileSelector: equal,
  office365url: ["startswith", "eq", "endswith"],
  fileId: ["eq"],
  text: ["eq", "startswithsingle", "text"],
  date: time,
  created: ["lte", "gte", "range", "gt", "lt", "eq"],
  policy: equalOrSet,
  source: equal,
  entity: ["eq", "neq", "isset", "isnotset", "startswith"],
} as const satisfies Fields;

/** Fields of `/entities/`. */
export const entityFields = {
  type: equal,
  isAdmin: ["eq"],
  entity: equal,
  userGroups: equal,
  app: equal,
  instance: equal,
  isExternal: ["eq"],
  domain: equalOrSet,
  organization: equalOrSet,
  status: equal,
} as const satisfies Fields;

/** Fields of `/files/`. */
export const fileFields = {
  service: equal,
  instance: equal,
  fileType: equal,
  allowDeleted: ["eq"],
  policy: ["cabinetmatchedrulesequals", "neq", "isset", "isnotset"],
  filename: ["eq"],
  modifiedDate: time,
  createdDate: time,
  "collaborators.entity": equal,
  "collaborators.domains": equal,
  "collaborators.groups": equal,
  "collaborators.withDomain": ["eq", "neq", "deq"],
  "owner.entity": equal,
  "owner.orgUnit": ["eq", "neq", "descendantof", "ndescendantof", "isset", "isnotset"],
  sharing: equal,
  fileId: equal,
  fileLabels: equalOrSet,
  fileScanLabels: equalOrSet,
  extension: equal,
  mimeType: equal,
  trashed: ["eq"],
  parentFolder: equal,
  folder: equal,
  quarantined: ["eq"],
  snapshotLastModifiedDate: time,
} as const satisfies Fields;

/** Fields of `/subnet/`. */
export const ipRangeFields = {
  category: equal,
  tags: equal,
  builtIn: ["eq"],
} as const satisfies Fields;

/** A filter over a table of fields: an operator that a field does not accept is a compile error. */
type FilterOf<F extends Fields> = {
  readonly [K in keyof F]?: { readonly [O in F[K][number]]?: OperatorValues[O] };
};

export type AlertFilter = FilterOf<typeof alertFields>;
export type ActivityFilter = FilterOf<typeof activityFields>;
export type EntityFilter = FilterOf<typeof entityFields>;
export type FileFilter = FilterOf<typeof fileFields>;
export type IpRangeFilter = FilterOf<typeof ipRangeFields>;

/** A filter as the API receives it. */
export type WireFilter = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Creates a condition that the tables do not list, for fields that Microsoft adds. */
export const createRawFilter = (field: string, operator: Operator, value: unknown): WireFilter => ({
  [field]: { [operator]: value },
});

/** Joins filters by AND; operators of one field are merged. */
export function joinFilters(
  ...filters: readonly (
    | WireFilter
    | AlertFilter
    | ActivityFilter
    | EntityFilter
    | FileFilter
    | IpRangeFilter
  )[]
): WireFilter {
  const joined = new Map<string, Record<string, unknown>>();
  for (const filter of filters)
    for (const [field, conditions] of Object.entries(filter as WireFilter))
      joined.set(field, { ...joined.get(field), ...conditions });
  return Object.fromEntries(joined);
}
