/**
 * Registers every function and the error handling around each; `main.ts` loads it at the first
 * call.
 */
import { app } from "@azure/functions";
import { withErrorHandling } from "../shared/app/invocation-hook.ts";
import "./cancel-job.ts";
import "./close-alerts.ts";
import "./enrich-file.ts";
import "./enrich-files.ts";
import "./get-alert-history.ts";
import "./get-attack-layer.ts";
import "./get-console.ts";
import "./get-health-report.ts";
import "./get-health.ts";
import "./get-hunt-rows-schema.ts";
import "./get-hunt-trend.ts";
import "./get-hunt.ts";
import "./get-job.ts";
import "./get-open-api.ts";
import "./get-swagger.ts";
import "./get-verdict.ts";
import "./get-webhook-receipt.ts";
import "./hunt-timers.ts";
import "./list-dead-letters.ts";
import "./list-deliveries.ts";
import "./list-hunt-rows.ts";
import "./list-hunts.ts";
import "./list-quotas.ts";
import "./list-verdicts.ts";
import "./maintenance.ts";
import "./process-alert-verdicts.ts";
import "./process-file-lookups.ts";
import "./process-hunt-runs.ts";
import "./process-poison-queues.ts";
import "./receive-keyed-webhook.ts";
import "./receive-webhook.ts";
import "./replay-dead-letters.ts";
import "./run-hunt.ts";
import "./start-overdue-hunts.ts";
import "./undo-verdict.ts";
import "./when-a-hunt-has-new-rows.ts";

app.hook.preInvocation(withErrorHandling);
