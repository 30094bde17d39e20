/** Timer doors, one per enabled hunt, so that each is seen, disabled and fired by itself in the portal. A timer does no work. */
import { app } from "@azure/functions";
import { enqueueUnlessWaiting } from "../shared/hunts/views.ts";
import { services } from "../shared/app/services.ts";

for (const hunt of services.enabledHunts()) {
  app.timer(`hunt_${hunt.name.replaceAll("-", "_")}`, {
    schedule: hunt.schedule,
    handler: async () => {
      const [records, queues] = await Promise.all([services.records(), services.queues()]);
      await enqueueUnlessWaiting({ records, queues }, hunt, "timer", await services.serverNowMs());
    },
  });
}
