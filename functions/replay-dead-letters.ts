/** Returns dead letters to their queues unchanged. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { replayRequest } from "../shared/contracts/dead-letter.ts";
import { readValidBody } from "../shared/http/request-body.ts";

async function replayDeadLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const { deadLetters } = await readValidBody(request, replayRequest);
  return { jsonBody: { value: await tenant.replayDeadLetters(deadLetters) } };
}

app.http("replay_dead_letters", {
  methods: ["POST"],
  authLevel: "function",
  route: "dead-letters/replay",
  handler: replayDeadLetters,
});
