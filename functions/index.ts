/** The list of doors, and the guard around each of them; what `main.ts` loads at the first call. */
import { app } from "@azure/functions";
import { withErrorHandling } from "../shared/app/invocation-hook.ts";
import "./get-verdict.ts";
import "./close-alerts.ts";
import "./get-open-api.ts";
import "./process-alert-verdicts.ts";
import "./list-dead-letters.ts";
import "./list-hunt-rows.ts";
import "./enrich-files.ts";
import "./get-health.ts";
import "./when-a-hunt-has-new-rows.ts";
import "./hunt-timers.ts";
import "./process-hunt-runs.ts";
import "./list-hunts.ts";
import "./run-hunt.ts";
import "./start-overdue-hunts.ts";
import "./maintenance.ts";
import "./get-webhook-receipt.ts";
import "./receive-webhook.ts";
import "./get-console.ts";
import "./get-job.ts";
import "./process-file-lookups.ts";
import "./process-poison-queues.ts";

app.hook.preInvocation(withErrorHandling);
