/** HTTP door: a second driver beside the timers, which are known to freeze. Starts every overdue hunt; harmless to repeat. */
import { app } from "@azure/functions";
import { tick } from "../shared/hunts/views.ts";
import { wiring } from "../shared/app/services.ts";

app.http("tick_hunts", {
  methods: ["POST"],
  authLevel: "function",
  route: "hunts/tick",
  handler: async () => {
    const [records, queues] = await Promise.all([wiring.records(), wiring.queues()]);
    const started = await tick(
      { records, queues },
      wiring.enabledHunts(),
      "tick",
      await wiring.serverNowMs(),
    );
    return { jsonBody: { started } };
  },
});
