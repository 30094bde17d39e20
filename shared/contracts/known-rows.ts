/** Rows that a hunt is expected to find and leaves out until an instant. */
import * as z from "zod/mini";
import { formatInstant, parseInstant } from "../runtime/time.ts";

const instantForm = "must be a day or an instant such as 2026-12-31 or 2026-12-31T12:00:00Z";

const instantText = z.pipe(
  z.string(instantForm),
  z.transform((text, context) => {
    const at = parseInstant(text);
    if (at !== undefined) return formatInstant(at);
    context.issues.push({ code: "custom", message: instantForm, input: text });
    return z.NEVER;
  }),
);

/** One entry of the key `known`. */
const knownRow = z.strictObject(
  {
    where: z
      .string("must be a KQL condition over the result's columns")
      .check(z.minLength(1, "must be a KQL condition over the result's columns")),
    /** Rows from this instant on are exported again. */
    until: instantText,
    why: z
      .string("must be the reason for leaving these rows out")
      .check(z.minLength(1, "must be the reason for leaving these rows out")),
  },
  "must be a mapping with the keys where, until and why",
);

export const knownRows = z.array(knownRow, "must be a list of { where, until, why }");
export type KnownRow = z.infer<typeof knownRow>;
