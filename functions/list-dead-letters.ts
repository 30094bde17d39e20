/** Doors to what could not be worked on: the poison queues into records, the records on view, and back onto their queues. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import {
  deadLetterFilter,
  deadLetterQueues,
  listDeadLetters,
  maxDeadLettersPerRequest,
  replayDeadLetters,
  replayRequest,
} from "../shared/storage/dead-letters.ts";
import { readJsonBody, readQuery } from "../shared/http/request-body.ts";
import { toInputFaults, Problem } from "../shared/http/problem.ts";
import { services } from "../shared/app/services.ts";

for (const queue of deadLetterQueues) {
  app.storageQueue(`process_${queue.replaceAll("-", "_")}_poison`, {
    queueName: `${queue}-poison`,
    connection: "DataStorage",
    handler: (raw) =>
      services.moveToDeadLetters(queue, raw, {
        reason: "gave-up",
        detail: "five tries failed; the log of the queue's function says why",
      }),
  });
}

async function showDeadLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const { queue } = readQuery(deadLetterFilter, request.query);
  return {
    jsonBody: {
      deadLetters: await listDeadLetters(await services.records(), maxDeadLettersPerRequest, queue),
    },
  };
}

async function replayRequestedLetters(request: HttpRequest): Promise<HttpResponseInit> {
  const { data, error } = replayRequest.safeParse(await readJsonBody(request));
  if (error)
    throw new Problem(400, "The request cannot be read.", { errors: toInputFaults(error) });
  const { records, queues } = services;
  return {
    jsonBody: {
      deadLetters: await replayDeadLetters(await records(), await queues(), data.deadLetters),
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
