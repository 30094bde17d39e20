/** HTTP doors of file statistics: any payload or a list of hashes in, one answer a hash out; what takes long is a job. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import type { LookupRequest } from "../shared/files/file-jobs.ts";
import { toLookupRequest, toSingleHashRequest } from "../shared/files/lookup-request.ts";
import { toLookupReply } from "../shared/files/replies.ts";
import {
  readIdempotencyKey,
  readLookup,
  readLookupQuery,
} from "../shared/contracts/file-lookup.ts";
import { parseAnyBody, readBodyBytes } from "../shared/http/request-body.ts";
import { services } from "../shared/app/services.ts";

async function replyToLookup(
  request: HttpRequest,
  lookup: LookupRequest,
): Promise<HttpResponseInit> {
  const service = await services.fileLookupService();
  const outcome = await service.lookUpFiles(lookup);
  return toLookupReply(outcome, request.headers.get("accept"), (id) =>
    services.createJobUrl(request.url, id),
  );
}

async function lookUpFiles(request: HttpRequest): Promise<HttpResponseInit> {
  const body = parseAnyBody(await readBodyBytes(request), request.headers.get("content-type"));
  const key = readIdempotencyKey(request.headers.get("idempotency-key"));
  return replyToLookup(request, toLookupRequest(readLookup(request.query, body), key));
}

const lookUpFile = (request: HttpRequest): Promise<HttpResponseInit> =>
  replyToLookup(
    request,
    toSingleHashRequest(request.params["hash"] ?? "", readLookupQuery(request.query)),
  );

app.http("enrich_files", {
  methods: ["POST"],
  authLevel: "function",
  route: "files/stats",
  handler: lookUpFiles,
});
app.http("enrich_file", {
  methods: ["GET"],
  authLevel: "function",
  route: "files/{hash}/stats",
  handler: lookUpFile,
});
