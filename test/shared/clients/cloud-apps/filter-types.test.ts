import { expectTypeOf, test } from "vitest";
import type { ScanOptions } from "../../../../shared/clients/cloud-apps/activities.ts";
import type {
  ActivityFilter,
  AlertFilter,
  EntityFilter,
  FileFilter,
  IpRangeFilter,
  Operator,
} from "../../../../shared/clients/cloud-apps/filters.ts";

/** Each row compiles only while the line below its comment does not: tsc judges these. */
test("types refuse an operator that a field does not accept and a field that a resource lacks", () => {
  const refused: readonly (
    | AlertFilter
    | ActivityFilter
    | EntityFilter
    | FileFilter
    | IpRangeFilter
    | object
  )[] = [
    // @ts-expect-error -- severity takes eq and neq
    { severity: { gte: 1 } } satisfies AlertFilter,
    // @ts-expect-error -- alertOpen takes eq alone
    { alertOpen: { neq: true } } satisfies AlertFilter,
    // @ts-expect-error -- resolutionDate takes no days
    { resolutionDate: { gte_ndays: 3 } } satisfies AlertFilter,
    // @ts-expect-error -- an instant is a number of milliseconds
    { date: { gte: "2026-01-01" } } satisfies AlertFilter,
    // @ts-expect-error -- the field is `id`
    { ID: { eq: "603e" } } satisfies AlertFilter,
    // @ts-expect-error -- only created takes gt
    { date: { gt: 1 } } satisfies ActivityFilter,
    // @ts-expect-error -- text takes startswithsingle, not startswith
    { text: { startswith: "a" } } satisfies ActivityFilter,
    // @ts-expect-error -- userAgent.userAgent is not compared as a whole
    { "userAgent.userAgent": { eq: "a" } } satisfies ActivityFilter,
    // @ts-expect-error -- country has no prefix search
    { "location.country": { startswith: "N" } } satisfies ActivityFilter,
    // @ts-expect-error -- only addresses take doesnotstartwith
    { "user.username": { doesnotstartwith: "a" } } satisfies ActivityFilter,
    // @ts-expect-error -- isset takes true
    { policy: { isset: "yes" } } satisfies ActivityFilter,
    // @ts-expect-error -- entities have no date
    { date: { gte: 1 } } satisfies EntityFilter,
    // @ts-expect-error -- isExternal takes eq alone
    { isExternal: { neq: true } } satisfies EntityFilter,
    // @ts-expect-error -- a file's policy has an operator of its own in the place of eq
    { policy: { eq: "a" } } satisfies FileFilter,
    // @ts-expect-error -- only withDomain takes deq
    { "collaborators.domains": { deq: "a" } } satisfies FileFilter,
    // @ts-expect-error -- only an owner's unit has a tree
    { folder: { descendantof: "a" } } satisfies FileFilter,
    // @ts-expect-error -- builtIn takes eq alone
    { builtIn: { neq: true } } satisfies IpRangeFilter,
    // @ts-expect-error -- IP ranges have no severity
    { severity: { eq: 1 } } satisfies IpRangeFilter,
    // @ts-expect-error -- a scan without a condition on time would read everything there is
    { filters: { service: { eq: 1 } } } satisfies ScanOptions,
  ];
  expectTypeOf(refused).toExtend<readonly object[]>();
});

test("types accept every operator of a field, for one value and for several", () => {
  expectTypeOf<keyof NonNullable<AlertFilter["severity"]>>().toEqualTypeOf<"eq" | "neq">();
  expectTypeOf<keyof NonNullable<AlertFilter["date"]>>().toEqualTypeOf<
    "lte" | "gte" | "range" | "lte_ndays" | "gte_ndays"
  >();
  expectTypeOf<keyof NonNullable<ActivityFilter["created"]>>().toEqualTypeOf<
    "lte" | "gte" | "range" | "gt" | "lt" | "eq"
  >();
  expectTypeOf<keyof NonNullable<FileFilter["owner.orgUnit"]>>().toEqualTypeOf<
    "eq" | "neq" | "descendantof" | "ndescendantof" | "isset" | "isnotset"
  >();
  expectTypeOf<{ severity: { eq: 2 } }>().toExtend<AlertFilter>();
  expectTypeOf<{ severity: { eq: [1, 2] } }>().toExtend<AlertFilter>();
  expectTypeOf<Exclude<Operator, "cabinetmatchedrulesequals">>().toEqualTypeOf<
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
    | "text"
  >();
});
