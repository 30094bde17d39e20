/** The query parameters that each HTTP function accepts, by function. */
import type * as z from "zod/mini";
import { deadLetterFilter } from "./dead-letter.ts";
import { lookupQueryNames } from "./file-lookup.ts";
import { exportsParameters, rowsParameters } from "./hunt-views.ts";
import { deliveryParameters, listParameters } from "./list-parameters.ts";

const listNames = (schema: z.ZodMiniObject): readonly string[] => Object.keys(schema.shape);

/** The parameter that names the tenant of a request. */
const tenant = "tenant";

/** A function that is not named here accepts none. */
export const queryNames: Readonly<Record<string, readonly string[]>> = {
  get_attack_layer: [tenant],
  list_hunts: [tenant],
  get_hunt: [tenant],
  get_hunt_rows_schema: [tenant],
  get_hunt_trend: [tenant],
  run_hunt: [tenant],
  start_overdue_hunts: [tenant],
  when_a_hunt_has_new_rows: [...listNames(exportsParameters), tenant],
  list_hunt_rows: [...listNames(rowsParameters), tenant],
  close_alerts: [tenant],
  get_verdict: [tenant],
  undo_verdict: [tenant],
  list_verdicts: [...listNames(listParameters), tenant],
  get_alert_history: [...listNames(listParameters), tenant],
  list_deliveries: [...listNames(deliveryParameters), tenant],
  list_dead_letters: [...listNames(deadLetterFilter), tenant],
  replay_dead_letters: [tenant],
  list_quotas: [tenant],
  get_health_report: [tenant],
  enrich_files: [...lookupQueryNames, tenant],
  enrich_file: [...lookupQueryNames, tenant],
  get_job: ["key", "partial", tenant],
  cancel_job: ["key", tenant],
  get_webhook_receipt: ["key"],
};

/** Functions whose callers add parameters of their own: probes, browsers, other products. */
export const functionsWithAnyQuery: ReadonlySet<string> = new Set([
  "get_health",
  "get_console",
  "receive_webhook",
  "receive_keyed_webhook",
]);
