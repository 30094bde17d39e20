/** The query parameters that each HTTP function accepts, by function. */
import type * as z from "zod/mini";
import { deadLetterFilter } from "./dead-letter.ts";
import { lookupQueryNames } from "./file-lookup.ts";
import { exportsParameters, rowsParameters } from "./hunt-views.ts";
import { deliveryParameters, listParameters } from "./list-parameters.ts";

const listNames = (schema: z.ZodMiniObject): readonly string[] => Object.keys(schema.shape);

/** A function that is not named here accepts none. */
export const queryNames: Readonly<Record<string, readonly string[]>> = {
  when_a_hunt_has_new_rows: listNames(exportsParameters),
  list_hunt_rows: listNames(rowsParameters),
  list_verdicts: listNames(listParameters),
  get_alert_history: listNames(listParameters),
  list_deliveries: listNames(deliveryParameters),
  list_dead_letters: listNames(deadLetterFilter),
  enrich_files: lookupQueryNames,
  enrich_file: lookupQueryNames,
  get_job: ["key", "partial"],
  cancel_job: ["key"],
  get_webhook_receipt: ["key"],
};

/** Functions whose callers add parameters of their own: probes, browsers, other products. */
export const functionsWithAnyQuery: ReadonlySet<string> = new Set([
  "get_health",
  "get_console",
  "receive_webhook",
  "receive_keyed_webhook",
]);
