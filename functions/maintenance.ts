/**
 * Runs the periodic duties. Each may be repeated or missed; `start_overdue_hunts` replaces a timer
 * that stopped.
 */
import { app } from "@azure/functions";
import { forEachTenant } from "../shared/app/for-each-tenant.ts";
import { services } from "../shared/app/services.ts";

app.timer("maintenance", {
  schedule: "0 */15 * * * *",
  handler: () =>
    forEachTenant(services.all(), async (tenant) => {
      await tenant.startOverdueHunts("maintenance");
      await tenant.runMaintenance();
    }),
});
