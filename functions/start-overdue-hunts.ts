/**
 * Starts every overdue hunt: a second trigger beside the timers, which the platform may stop. A
 * repetition has no effect.
 */
import { app } from "@azure/functions";
import { services } from "../shared/app/services.ts";

app.http("start_overdue_hunts", {
  methods: ["POST"],
  authLevel: "function",
  route: "hunts/tick",
  handler: async () => ({ jsonBody: { started: await services.startOverdueHunts("overdue") } }),
});
