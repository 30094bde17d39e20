/**
 * Runs the periodic duties. Each may be repeated or missed; `start_overdue_hunts` replaces a timer
 * that stopped.
 */
import { app } from "@azure/functions";
import { services } from "../shared/app/services.ts";

app.timer("maintenance", {
  schedule: "0 */15 * * * *",
  handler: async () => {
    await services.startOverdueHunts("maintenance");
    await services.runMaintenance();
  },
});
