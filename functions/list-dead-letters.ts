/** Doors to what could not be worked on: the poison queues into records, the records on view, and back onto their queues. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import {
  deadLetterFilter,
  deadLetterQueues,
  listDeadLetters,
  mostDeadLettersShown,
  replayDeadLetters,
  replayRequest,
} from "../shared/storage/dead-letters.ts";
import { readJsonBody, readQuery } from "../shared/http/request-body.ts";
import { inputFaults, Problem } from "../shared/http/problem.ts";
import { wiring } from "../shared/app/services.ts";

for (const queue of deadLetterQueues) {
  app.storageQueue(`poison_${queue.replaceAll("-", "_")}`, {
    queueName: `${queue}-poison`,
    connection: "DataStorage",
    handler: (raw) =>
      wiring.bury(queue, raw, {
        reason: "gave-up",
        detail: "five tries failed; the log of the queue's function says why",
      }),
  });
}

async function show(request: HttpRequest): Promise<HttpResponseInit> {
  const { queue } = readQuery(deadLetterFilter, request.query);
  return {
    jsonBody: {
      deadLetters: await listDeadLetters(await wiring.records(), mostDeadLettersShown, queue),
    },
  };
}

async function replay(request: HttpRequest): Promise<HttpResponseInit> {
  const { data, error } = replayRequest.safeParse(await readJsonBody(request));
  if (error) throw new Problem(400, "The request cannot be read.", { errors: inputFaults(error) });
  const { records, queues } = wiring;
  return {
    jsonBody: {
      deadLetters: await replayDeadLetters(await records(), await queues(), data.deadLetters),
    },
  };
}

app.http("dead_letters", {
  methods: ["GET"],
  authLevel: "function",
  route: "dead-letters",
  handler: show,
});
app.http("replay_dead_letters", {
  methods: ["POST"],
  authLevel: "function",
  route: "dead-letters/replay",
  handler: replay,
});
