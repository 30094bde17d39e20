/** HTTP door: a second driver beside the timers, which are known to freeze. Starts every overdue hunt; harmless to repeat. */
import { app } from "@azure/functions";
import { startOverdueHunts } from "../shared/hunts/views.ts";
import { services } from "../shared/app/services.ts";

app.http("start_overdue_hunts", {
  methods: ["POST"],
  authLevel: "function",
  route: "hunts/tick",
  handler: async () => {
    const [records, queues] = await Promise.all([services.records(), services.queues()]);
    const started = await startOverdueHunts(
      { records, queues },
      services.enabledHunts(),
      "tick",
      await services.serverNowMs(),
    );
    return { jsonBody: { started } };
  },
});
