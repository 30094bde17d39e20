/** The list of doors, and the guard around each of them; what `main.ts` loads at the first call. */
import { app } from "@azure/functions";
import { guard } from "../shared/guard.ts";
import "./alert-verdict.ts";
import "./alert-verdicts.ts";
import "./api-description.ts";
import "./close-alerts.ts";
import "./dead-letters.ts";
import "./export-rows.ts";
import "./file-stats.ts";
import "./health.ts";
import "./hunt-exports.ts";
import "./hunts.ts";
import "./run-hunt.ts";
import "./show-hunts.ts";
import "./start-hunt.ts";
import "./tick-hunts.ts";
import "./upkeep.ts";
import "./webhook-receipts.ts";
import "./webhooks.ts";
import "./jobs.ts";
import "./look-up-files.ts";

app.hook.preInvocation(guard);
