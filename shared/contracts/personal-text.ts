/**
 * The texts about people that come with one request. They are stored apart from the audit, which
 * holds only their keyed digest, so that they can be erased while the audit stays verifiable.
 */
import * as z from "zod/mini";

/** The texts of one verdict; of `reopen`, the texts of a request to undo it. */
export const personalText = z.object({
  version: z.literal(1),
  verdict: z.string(),
  action: z.enum(["close", "reopen"]),
  requestedBy: z.string(),
  comment: z.nullable(z.string()),
  feedback: z.nullable(z.string()),
  contactEmail: z.nullable(z.string()),
});
export type PersonalText = z.infer<typeof personalText>;
