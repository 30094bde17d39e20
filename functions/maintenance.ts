/** Timer door: the periodic duties. Each is safe to repeat and to miss; what a frozen timer leaves undone, `tick` makes up for. */
import { app } from "@azure/functions";
import { tick } from "../shared/hunts/views.ts";
import { wiring } from "../shared/app/services.ts";

app.timer("upkeep", {
  schedule: "0 */15 * * * *",
  handler: async () => {
    const [records, queues] = await Promise.all([wiring.records(), wiring.queues()]);
    await tick({ records, queues }, wiring.enabledHunts(), "upkeep", await wiring.serverNowMs());
    await wiring.upkeep();
  },
});
