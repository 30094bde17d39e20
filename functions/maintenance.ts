/** Timer door: the periodic duties. Each is safe to repeat and to miss; what a frozen timer leaves undone, `startOverdueHunts` makes up for. */
import { app } from "@azure/functions";
import { startOverdueHunts } from "../shared/hunts/views.ts";
import { services } from "../shared/app/services.ts";

app.timer("maintenance", {
  schedule: "0 */15 * * * *",
  handler: async () => {
    const [records, queues] = await Promise.all([services.records(), services.queues()]);
    await startOverdueHunts(
      { records, queues },
      services.enabledHunts(),
      "maintenance",
      await services.serverNowMs(),
    );
    await services.runMaintenance();
  },
});
