/** How long the advanced hunting service keeps rows. */
import { dayMs } from "../runtime/time.ts";

/** The service keeps rows for 30 days. */
export const serviceRetentionMs = 30 * dayMs;

/** Older rows are not read: they may disappear while a run reads them. */
export const safeReadMs = 29 * dayMs;
