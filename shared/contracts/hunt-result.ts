/** What is announced on the queue `hunt-results` for every export with rows, at least once. */
import * as z from "zod/mini";
import { huntNameSchema, instant } from "./hunt-run.ts";

const huntResult = z.object({
  hunt: huntNameSchema,
  /**
   * `late`: rows that arrived after their window had been exported, under a numbering of their own.
   */
  kind: z.enum(["window", "late"]),
  seq: z.int(),
  from: instant,
  to: instant,
  rows: z.int(),
  /** Path in the container `exports`. */
  blob: z.string(),
  /** The portal's advanced hunting page with the query filled in. */
  portalLink: z.string(),
});

export type HuntResult = z.infer<typeof huntResult>;
