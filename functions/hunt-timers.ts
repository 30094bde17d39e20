/**
 * One timer per enabled hunt, so that the portal shows, disables and runs each by itself. A timer
 * only enqueues a run for each tenant.
 */
import { app } from "@azure/functions";
import { enqueueTimerRuns } from "../shared/app/enqueue-timer-runs.ts";
import { services } from "../shared/app/services.ts";

for (const hunt of services.enabledHunts()) {
  app.timer(`hunt_${hunt.name.replaceAll("-", "_")}`, {
    schedule: hunt.schedule,
    handler: async () => enqueueTimerRuns(services.all(), hunt, await services.serverNowMs()),
  });
}
