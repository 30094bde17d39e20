/** Returns the status of a verdict: 202 until each alert has an outcome, then 200. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { readVerdictStatus } from "../shared/alerts/verdict-status.ts";
import { createVerdictNotFound, readVerdictId } from "../shared/app/http-handler.ts";
import { services } from "../shared/app/services.ts";
import { toOperationReply } from "../shared/http/operation-reply.ts";

async function getVerdict(request: HttpRequest): Promise<HttpResponseInit> {
  const found = await readVerdictStatus(await services.alertDeps(), readVerdictId(request));
  if (!found) throw createVerdictNotFound();
  const { id, done, ...result } = found;
  const status = done ? "succeeded" : "running";
  return toOperationReply(
    { id, status, result, error: null },
    services.toPublicAddress(request.url),
    10,
  );
}

app.http("get_verdict", {
  methods: ["GET"],
  authLevel: "function",
  route: "alerts/verdicts/{id}",
  handler: getVerdict,
});
