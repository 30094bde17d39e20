/** Looks up the file hashes of a list or of any payload; a long lookup becomes a job. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { replyToLookup } from "../shared/app/http-handler.ts";
import { readLookup } from "../shared/contracts/file-lookup.ts";
import { toLookupRequest } from "../shared/files/lookup-request.ts";
import { readIdempotencyKey } from "../shared/http/idempotency-key.ts";
import { parseAnyBody, readBodyBytes } from "../shared/http/request-body.ts";

async function enrichFiles(request: HttpRequest): Promise<HttpResponseInit> {
  const body = parseAnyBody(await readBodyBytes(request), request.headers.get("content-type"));
  const key = readIdempotencyKey(request);
  return replyToLookup(request, await toLookupRequest(readLookup(request.query, body), key));
}

app.http("enrich_files", {
  methods: ["POST"],
  authLevel: "function",
  route: "files/stats",
  handler: enrichFiles,
});
