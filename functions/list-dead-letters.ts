/** Doors to what could not be worked on: the poison queues into records, the records on view, and back onto their queues. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { deadLetterFilter, replayRequest } from "../shared/contracts/dead-letter.ts";
import { readJsonBody, readQuery } from "../shared/http/request-body.ts";
import { toInputFaults } from "../shared/contracts/input-faults.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { services } from "../shared/app/services.ts";

async function showDeadLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const { queue } = readQuery(deadLetterFilter, request.query);
  return {
    jsonBody: {
      deadLetters: await services.listDeadLetters(queue),
    },
  };
}

async function replayRequestedLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const { data, error } = replayRequest.safeParse(await readJsonBody(request));
  if (error)
    throw new Problem(400, "The request cannot be read.", { errors: toInputFaults(error) });
  return {
    jsonBody: {
      deadLetters: await services.replayDeadLetters(data.deadLetters),
    },
  };
}

app.http("list_dead_letters", {
  methods: ["GET"],
  authLevel: "function",
  route: "dead-letters",
  handler: showDeadLetters,
});
app.http("replay_dead_letters", {
  methods: ["POST"],
  authLevel: "function",
  route: "dead-letters/replay",
  handler: replayRequestedLetters,
});
