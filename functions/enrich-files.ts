/** HTTP doors of file statistics: any payload or a list of hashes in, one answer a hash out; what takes long is a job. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import type { FileQuestion } from "../shared/files/file-jobs.ts";
import { questionOf, questionOfOne } from "../shared/files/lookup-request.ts";
import { askReply } from "../shared/files/replies.ts";
import {
  readIdempotencyKey,
  readLookup,
  readLookupQuery,
} from "../shared/contracts/file-lookup.ts";
import { parseAnyBody, readBodyBytes } from "../shared/http/request-body.ts";
import { wiring } from "../shared/app/services.ts";

async function answer(request: HttpRequest, question: FileQuestion): Promise<HttpResponseInit> {
  const desk = await wiring.filesDesk();
  const outcome = await desk.ask(question);
  return askReply(outcome, request.headers.get("accept"), (id) => wiring.jobUrl(request.url, id));
}

async function askMany(request: HttpRequest): Promise<HttpResponseInit> {
  const body = parseAnyBody(await readBodyBytes(request), request.headers.get("content-type"));
  const key = readIdempotencyKey(request.headers.get("idempotency-key"));
  return answer(request, questionOf(readLookup(request.query, body), key));
}

const askOne = (request: HttpRequest): Promise<HttpResponseInit> =>
  answer(request, questionOfOne(request.params["hash"] ?? "", readLookupQuery(request.query)));

app.http("file_stats", {
  methods: ["POST"],
  authLevel: "function",
  route: "files/stats",
  handler: askMany,
});
app.http("one_file_stats", {
  methods: ["GET"],
  authLevel: "function",
  route: "files/{hash}/stats",
  handler: askOne,
});
