/**
 * A mapping: the JSON pointers to the values that Huntline reads from a payload without a reader of
 * its own.
 */
import * as z from "zod/mini";
import { verdictReasons } from "../contracts/alert-verdict.ts";
import { isPointer } from "./pointers.ts";

const pointer = z
  .string("must be a JSON pointer")
  .check(
    z.refine(
      isPointer,
      'must be a JSON pointer such as /alert/id or /alerts/*/id ("" is the whole body)',
    ),
  );

/** One pointer or several; the first that has a value counts. */
const pointers = z.pipe(
  z.union(
    [pointer, z.array(pointer).check(z.minLength(1))],
    "must be a JSON pointer or a list of JSON pointers",
  ),
  z.transform((value) => (typeof value === "string" ? [value] : value)),
);

const words = z.pipe(
  z.union([
    z.string(),
    z.number(),
    z.boolean(),
    z.array(z.union([z.string(), z.number(), z.boolean()])),
  ]),
  z.transform((value) =>
    (Array.isArray(value) ? value : [value]).map((word) => String(word).trim().toLowerCase()),
  ),
);

const closing = z.strictObject({
  action: z.enum(
    ["resolve", "dismiss", "closeBenign"],
    "must be one of resolve, dismiss, closeBenign",
  ),
  reason: z.optional(z.enum(verdictReasons, `must be one of ${verdictReasons.join(", ")}`)),
  /** The sender's words for this closing, in any letter case. */
  words,
});

/** One mapping file. Unknown keys are refused: a misspelled key would have no effect. */
export const mappingSchema = z.strictObject({
  description: z.optional(z.string()),
  /** Pointers that must have a value in every payload. */
  required: z._default(z.array(pointer), []),
  title: z.optional(pointers),
  /** Where to search for hashes; the whole body when absent. */
  hashes: z.optional(pointers),
  verdict: z.optional(
    z.strictObject({
      alertIds: pointers,
      /** The case is closed when one of these words is at this pointer. */
      closed: z.strictObject({ at: pointers, words }),
      classification: pointers,
      closings: z.array(closing).check(z.minLength(1)),
      comment: z.optional(pointers),
      by: z.optional(pointers),
    }),
  ),
});
export type Mapping = z.infer<typeof mappingSchema>;

/** All mappings by name, as the build compiled them. */
export type Mappings = Readonly<Record<string, Mapping>>;
