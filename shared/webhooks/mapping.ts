/** A mapping: where a payload of no reader of its own keeps what Huntline wants to know, as JSON pointers. */
import * as z from "zod/mini";
import { verdictReasons } from "../contracts/alert-verdict.ts";
import { isPointer } from "./pointers.ts";

const pointer = z
  .string("a JSON pointer")
  .check(
    z.refine(isPointer, 'a JSON pointer such as /alert/id or /alerts/*/id ("" is the whole body)'),
  );

/** One pointer or several; the first that leads to something counts. */
const pointers = z.pipe(
  z.union([pointer, z.array(pointer).check(z.minLength(1))], "a JSON pointer or a list of them"),
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
  action: z.enum(["resolve", "dismiss", "closeBenign"], "one of resolve, dismiss, closeBenign"),
  reason: z.optional(z.enum(verdictReasons, `one of ${verdictReasons.join(", ")}`)),
  /** Words of the sender, in any case, that mean this closing. */
  words,
});

/** What stands in one mapping file. Unknown keys are refused: a misspelt one would be silence. */
export const mappingSchema = z.strictObject({
  description: z.optional(z.string()),
  /** What every payload must have; a 400 names the one that is missing. */
  required: z._default(z.array(pointer), []),
  title: z.optional(pointers),
  /** Where to search for hashes; the whole body when absent. */
  hashes: z.optional(pointers),
  verdict: z.optional(
    z.strictObject({
      alertIds: pointers,
      /** The case counts as closed when one of these words stands there. */
      closed: z.strictObject({ at: pointers, words }),
      classification: pointers,
      closings: z.array(closing).check(z.minLength(1)),
      comment: z.optional(pointers),
      by: z.optional(pointers),
    }),
  ),
});
export type Mapping = z.infer<typeof mappingSchema>;

/** Every mapping by its name, as the build compiled them. */
export type Mappings = Readonly<Record<string, Mapping>>;
