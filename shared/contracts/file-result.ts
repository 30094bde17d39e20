/**
 * What a file lookup answers: one result a hash, of one shape for hit, miss and error. NULL, zero
 * and unknown stay apart.
 */
import * as z from "zod/mini";

/** A count of devices or sightings; `null` when the service gave none, never 0 in its place. */
const count = z.nullable(z.int().check(z.gte(0)));
const instant = z.nullable(z.string());

/**
 * What Defender counts of a file. The organisation's figures cover the look-back, the global ones
 * everything.
 */
export const fileStatisticsSchema = z.object({
  organizationPrevalence: count,
  organizationFirstSeen: instant,
  organizationLastSeen: instant,
  globalPrevalence: count,
  globalFirstSeen: instant,
  globalLastSeen: instant,
  topFileNames: z.array(z.string()),
});
export type FileStatistics = z.infer<typeof fileStatisticsSchema>;

const words = z.nullable(z.string());

/**
 * What Defender knows of the file itself. `null` where it said nothing, as for the signer of an
 * unsigned file.
 */
export const fileInformationSchema = z.object({
  sha256: words,
  size: z.nullable(z.int().check(z.gte(0))),
  fileType: words,
  isPeFile: z.nullable(z.boolean()),
  publisher: words,
  productName: words,
  signer: words,
  issuer: words,
  signerHash: words,
  isValidCertificate: z.nullable(z.boolean()),
  determinationType: words,
  determinationValue: words,
});
export type FileInformation = z.infer<typeof fileInformationSchema>;

const sources = ["statistics", "information", "hunting"] as const;

/** Which interface answered: the statistics or information API, or an advanced hunting query. */
export const sourceSchema = z.enum(sources);
export type FileSource = z.infer<typeof sourceSchema>;

/** How common a file is by the caller's own thresholds, and the rule that decided. */
export const prevalenceSchema = z.object({
  value: z.enum(["rare", "uncommon", "common"]),
  rule: z.string(),
});
export type PrevalenceVerdict = z.infer<typeof prevalenceSchema>;

const fileStatuses = ["found", "notFound", "invalid", "pending", "failed"] as const;

export const fileResultSchema = z.object({
  /** As asked, lower case when it is a hash. */
  hash: z.string(),
  sha1: words,
  status: z.enum(fileStatuses),
  source: z.nullable(sourceSchema),
  statistics: z.nullable(fileStatisticsSchema),
  /** Only with `include=information`. */
  information: z.optional(z.nullable(fileInformationSchema)),
  /** Only with thresholds; `null` when no threshold met a known figure. */
  verdict: z.optional(z.nullable(prevalenceSchema)),
  /** When the source answered, UTC. */
  asOf: instant,
  fromCache: z.boolean(),
  /** Older than the cache's age, served because Defender could not be asked. */
  stale: z.boolean(),
  problem: words,
  /** Only with `where=true`: JSON pointers into the request. */
  where: z.optional(z.array(z.string())),
});
export type FileResult = z.infer<typeof fileResultSchema>;

export const skippedSchema = z.object({
  hash: z.string(),
  reason: z.string(),
  where: z.optional(z.array(z.string())),
});
export type SkippedResult = z.infer<typeof skippedSchema>;

/** The body of a 200. */
export const fileReportSchema = z.object({
  results: z.array(fileResultSchema),
  summary: z.object({
    found: z.int(),
    notFound: z.int(),
    invalid: z.int(),
    pending: z.int(),
    failed: z.int(),
  }),
  lookBackHours: z.int(),
  skipped: z.array(skippedSchema),
});
export type FileReport = z.infer<typeof fileReportSchema>;
