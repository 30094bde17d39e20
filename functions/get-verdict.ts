/** Returns the status of a verdict: 202 until each alert has an outcome, then 200. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { createVerdictNotFound, readVerdictId } from "../shared/app/http-handler.ts";
import { services } from "../shared/app/services.ts";
import { toVerdictReply } from "../shared/app/verdict-jobs.ts";

async function getVerdict(request: HttpRequest): Promise<HttpResponseInit> {
  const operation = await services.for(request).readVerdictOperation(readVerdictId(request));
  if (!operation) throw createVerdictNotFound();
  return toVerdictReply(operation, services.toPublicAddress(request.url));
}

app.http("get_verdict", {
  methods: ["GET"],
  authLevel: "function",
  route: "alerts/verdicts/{id}",
  handler: getVerdict,
});
