/** Timer doors, one per enabled hunt, so that each is seen, disabled and fired by itself in the portal. A timer does no work. */
import { app } from "@azure/functions";
import { enqueueUnlessWaiting } from "../shared/hunts/views.ts";
import { wiring } from "../shared/app/services.ts";

for (const hunt of wiring.enabledHunts()) {
  app.timer(`hunt_${hunt.name.replaceAll("-", "_")}`, {
    schedule: hunt.schedule,
    handler: async () => {
      const [records, queues] = await Promise.all([wiring.records(), wiring.queues()]);
      await enqueueUnlessWaiting({ records, queues }, hunt, "timer", await wiring.serverNowMs());
    },
  });
}
