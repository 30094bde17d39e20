/** File lookups: options in the query string, and an explicit list or any payload in the body. */
import * as z from "zod/mini";
import type { ParsedBody } from "./parsed-body.ts";
import { toInputFaults, type InputFault } from "./input-faults.ts";
import { Problem } from "./problem.ts";

const wholeNumber = (max: number) => z.int().check(z.gte(1), z.lte(max));
const threshold = z.optional(wholeNumber(Number.MAX_SAFE_INTEGER));

/** Below `…RareBelow` a file is rare, from `…CommonFrom` on it is common, between them uncommon. */
export const thresholdsSchema = z.strictObject({
  organizationRareBelow: threshold,
  organizationCommonFrom: threshold,
  globalRareBelow: threshold,
  globalCommonFrom: threshold,
});
export type Thresholds = z.infer<typeof thresholdsSchema>;

/** Defender keeps 30 days. */
export const maxLookBackHours = 720;
const lookBackHours = wholeNumber(maxLookBackHours);

/** How to look files up. */
export const lookupOptionsSchema = z.strictObject({
  lookBackHours,
  /** With signer, publisher, size and determination. */
  information: z.boolean(),
  thresholds: z.optional(thresholdsSchema),
  /** Return the places of each hash in the payload. */
  where: z.boolean(),
  /** Take every run of the right form, also what is called an id. */
  all: z.boolean(),
});
export type LookupOptions = z.infer<typeof lookupOptionsSchema>;

const maxListedHashes = 20_000;
const hashList = z.array(z.string("must be a hash as text"), "must be an array of hashes");

/** The explicit form of a lookup's body. */
export const explicitLookupSchema = z.strictObject({
  sha1: z.optional(hashList),
  sha256: z.optional(hashList),
  md5: z.optional(hashList),
  lookBackHours: z.optional(lookBackHours),
  include: z.optional(
    z.union([z.literal("information"), z.array(z.literal("information"))], 'must be "information"'),
  ),
  thresholds: z.optional(thresholdsSchema),
});

/** A parsed lookup: a list of strings that should be hashes, or a payload to search. */
export interface LookupInput {
  readonly options: LookupOptions;
  readonly input:
    | { readonly kind: "list"; readonly hashes: readonly string[] }
    | { readonly kind: "payload"; readonly body: ParsedBody };
}

/**
 * Reads a lookup. The body is the explicit form when every key of it is one of that form's;
 * otherwise it is a payload, and its property names are not checked.
 *
 * @throws Problem 400 naming each wrong field
 */
export function readLookup(query: URLSearchParams, body: ParsedBody): LookupInput {
  const options = readLookupQuery(query);
  if (!isExplicit(body)) return { options, input: { kind: "payload", body } };
  const parsed = explicitLookupSchema.safeParse(wrapSingleHashes(body.value));
  if (!parsed.success) throw createInputProblem(toInputFaults(parsed.error));
  const { sha1 = [], sha256 = [], md5 = [], include, thresholds } = parsed.data;
  const hashes = [...sha1, ...sha256, ...md5];
  if (hashes.length > maxListedHashes)
    throw createInputProblem([
      { path: "", message: `lists ${hashes.length} hashes; must be at most ${maxListedHashes}` },
    ]);
  return {
    options: {
      ...options,
      lookBackHours: parsed.data.lookBackHours ?? options.lookBackHours,
      information: options.information || (include !== undefined && include.length > 0),
      ...(thresholds === undefined ? {} : { thresholds: { ...options.thresholds, ...thresholds } }),
    },
    input: { kind: "list", hashes },
  };
}

const explicitKeys = new Map(
  Object.keys(explicitLookupSchema.shape).map((key) => [key.toLowerCase(), key]),
);
const listKeys = ["sha1", "sha256", "md5"];

/** One hash may stand alone where a list is due. */
const wrapSingleHashes = (value: object): object =>
  Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [
      key,
      listKeys.includes(key) && typeof inner === "string" ? [inner] : inner,
    ]),
  );

/**
 * Keys are compared without case here, so that `lookbackhours` is refused by name instead of
 * silently dropped.
 */
function isExplicit(body: ParsedBody): body is { kind: "json"; value: object } {
  if (
    body.kind !== "json" ||
    typeof body.value !== "object" ||
    body.value === null ||
    Array.isArray(body.value)
  )
    return false;
  const keys = Object.keys(body.value).map((key) => key.toLowerCase());
  return keys.some((key) => listKeys.includes(key)) && keys.every((key) => explicitKeys.has(key));
}

const flagValues = new Map([
  ["true", true],
  ["1", true],
  ["", true],
  ["false", false],
  ["0", false],
]);

/** The options in the query string. */
export const lookupQueryNames: readonly string[] = [
  "lookBackHours",
  "include",
  "where",
  "all",
  ...Object.keys(thresholdsSchema.shape),
];

/**
 * Reads the options of a lookup from the query string. Names are read in any case.
 *
 * @throws Problem 400 naming each wrong parameter
 */
export function readLookupQuery(query: URLSearchParams): LookupOptions {
  const parameters = new Map([...query].map(([name, value]) => [name.toLowerCase(), value]));
  const faults: InputFault[] = [];
  const addFault = (name: string, expected: string): undefined =>
    void faults.push({ path: `/${name}`, message: `must be ${expected}` });
  const readNumber = (name: string, max: number): number | undefined => {
    const text = parameters.get(name.toLowerCase());
    if (text === undefined) return undefined;
    const isValid = /^[1-9]\d{0,15}$/.test(text) && Number(text) <= max;
    return isValid ? Number(text) : addFault(name, `a whole number, 1 to ${max}`);
  };
  const readFlag = (name: string): boolean => {
    const text = parameters.get(name);
    return text === undefined
      ? false
      : (flagValues.get(text.toLowerCase()) ?? addFault(name, "true or false") ?? false);
  };
  const include = parameters.get("include") ?? "";
  if (include !== "" && include !== "information") addFault("include", "information");
  const thresholds = Object.fromEntries(
    Object.keys(thresholdsSchema.shape)
      .map((name) => [name, readNumber(name, Number.MAX_SAFE_INTEGER)] as const)
      .filter(([, value]) => value !== undefined),
  ) as Thresholds; // Keys and values were made by the schema's own names and range.
  const options: LookupOptions = {
    lookBackHours: readNumber("lookBackHours", maxLookBackHours) ?? maxLookBackHours,
    information: include === "information",
    ...(Object.keys(thresholds).length === 0 ? {} : { thresholds }),
    where: readFlag("where"),
    all: readFlag("all"),
  };
  if (faults.length > 0) throw createInputProblem(faults);
  return options;
}

const maxFaults = 20;

const createInputProblem = (faults: readonly InputFault[]): Problem =>
  new Problem(400, "The lookup has wrong fields.", { errors: faults.slice(0, maxFaults) });

/**
 * On the queue `file-lookups`: `part` absent starts a job, otherwise one part of it is worked off.
 */
export const fileLookupMessage = z.strictObject({
  version: z.literal(1),
  job: z.string().check(z.regex(/^[0-9a-f]{32}$/, "must be a job id of 32 hexadecimal digits")),
  part: z.optional(z.int().check(z.gte(0), z.lte(99_999))),
  /** How often this part found Defender out of reach in a row; the pause grows with it. */
  retries: z.optional(z.int().check(z.gte(0))),
});
export type FileLookupMessage = z.infer<typeof fileLookupMessage>;
