/** Looks up the file hash in the path. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { replyToLookup } from "../shared/app/http-handler.ts";
import { readLookupQuery } from "../shared/contracts/file-lookup.ts";
import { toSingleHashRequest } from "../shared/files/lookup-request.ts";

async function enrichFile(request: HttpRequest): Promise<HttpResponseInit> {
  const options = readLookupQuery(request.query);
  return replyToLookup(request, toSingleHashRequest(request.params["hash"] ?? "", options));
}

app.http("enrich_file", {
  methods: ["GET"],
  authLevel: "function",
  route: "files/{hash}/stats",
  handler: enrichFile,
});
