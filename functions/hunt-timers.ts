/**
 * One timer per enabled hunt, so that the portal shows, disables and runs each by itself. A timer
 * only enqueues a run.
 */
import { app } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { enqueueUnlessWaiting } from "../shared/hunts/overdue-hunts.ts";

for (const hunt of services.enabledHunts()) {
  app.timer(`hunt_${hunt.name.replaceAll("-", "_")}`, {
    schedule: hunt.schedule,
    handler: async () => {
      const [records, queues] = await Promise.all([services.records(), services.queues()]);
      await enqueueUnlessWaiting({ records, queues }, hunt, "timer", await services.serverNowMs());
    },
  });
}
