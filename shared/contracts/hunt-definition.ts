/**
 * One hunt as people write it: a YAML file in the community format of hunting queries and analytics
 * rules, with a few optional keys of our own. Keys not named here are kept and mean nothing to
 * Huntline.
 */
import * as z from "zod/mini";
import { parseDuration, parseInstant } from "../runtime/time.ts";
import { declaredParameters } from "./hunt-parameters.ts";
import { huntTest } from "./hunt-test.ts";
import { knownRows } from "./known-rows.ts";

const durationMs = z.pipe(
  z.pipe(
    z.string(),
    z.transform((text) => parseDuration(text) ?? Number.NaN),
  ),
  z.number("must be a duration such as PT1H or 1h").check(z.positive()),
);

/** A list of words; public hunts also write one word, or nothing. */
const words = z.pipe(
  z.nullish(z.union([z.array(z.string()), z.string()])),
  z.transform((value): readonly string[] => (typeof value === "string" ? [value] : (value ?? []))),
);

const optionalText = z.optional(z.nullable(z.string()));

const reviewDay = z
  .string("must be a day such as 2026-12-31")
  .check(
    z.refine(
      (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && parseInstant(text) !== undefined,
      "must be a day such as 2026-12-31",
    ),
  );

/** The file's keys, durations in milliseconds. */
export const huntDefinition = z.looseObject({
  name: optionalText,
  description: optionalText,
  severity: optionalText,
  tactics: words,
  relevantTechniques: words,
  query: z
    .string("must be the KQL text of the hunt")
    .check(z.minLength(1, "must be the KQL text of the hunt")),
  queryFrequency: z.optional(durationMs),
  queryPeriod: z.optional(durationMs),
  schedule: z.optional(z.string("must be six fields of NCRONTAB, or %APP_SETTING%")),
  mode: z._default(
    z.enum(["auto", "window", "snapshot"], "must be auto, window or snapshot"),
    "auto",
  ),
  lookBack: z.optional(durationMs),
  lag: z.optional(durationMs),
  settle: z.optional(durationMs),
  format: z._default(
    z.enum(["ndjson", "csv", "parquet"], "must be ndjson, csv or parquet"),
    "ndjson",
  ),
  enrich: z.optional(z.string("must be the name of a result column that holds SHA-1s")),
  enabled: z._default(z.boolean("must be true or false"), true),
  parameters: z.optional(declaredParameters),
  known: z.optional(knownRows),
  owner: optionalText,
  runbook: optionalText,
  falsePositives: words,
  reviewBy: z.optional(z.nullable(reviewDay)),
  tenants: z.optional(
    z
      .array(
        z
          .string("must be the name of a tenant")
          .check(z.regex(/^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$/, "must be the name of a tenant")),
        "must be a list of the names of tenants",
      )
      .check(z.minLength(1, "must name at least one tenant, or be left out")),
  ),
  /** Cases for `npm run hunts -- test`. */
  tests: z.optional(z.array(huntTest, "must be a list of test cases")),
});

export type HuntDefinition = z.infer<typeof huntDefinition>;

/**
 * Keys of the community format of hunting queries and analytics rules that Huntline keeps unread.
 */
const communityKeys = [
  "alertDetailsOverride",
  "alertRuleTemplateName",
  "author",
  "customDetails",
  "description-detailed",
  "entityMappings",
  "eventGroupingSettings",
  "id",
  "incidentConfiguration",
  "kind",
  "metadata",
  "references",
  "requiredDataConnectors",
  "sentinelEntitiesMappings",
  "status",
  "suppressionDuration",
  "suppressionEnabled",
  "tags",
  "triggerOperator",
  "triggerThreshold",
  "version",
] as const;

/** All keys that a hunt's file may use: those of Huntline and those of the community format. */
export const huntKeys: readonly string[] = [
  ...Object.keys(huntDefinition._zod.def.shape),
  ...communityKeys,
];
