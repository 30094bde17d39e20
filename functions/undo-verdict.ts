/** Reopens the alerts that a verdict closed. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { undoVerdict } from "../shared/alerts/undo-verdict.ts";
import { createVerdictNotFound, readVerdictId } from "../shared/app/http-handler.ts";
import { services } from "../shared/app/services.ts";
import { undoRequest } from "../shared/contracts/alert-verdict.ts";
import { createRetryProblem } from "../shared/contracts/problem.ts";
import { readValidBody } from "../shared/http/request-body.ts";

async function undoAlertVerdict(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const id = readVerdictId(request);
  const { requestedBy } = await readValidBody(request, undoRequest);
  const undone = await undoVerdict(await tenant.alertDeps(), id, requestedBy);
  if (undone.kind === "unknownVerdict") throw createVerdictNotFound();
  if (undone.kind === "later")
    throw createRetryProblem(
      "Cloud Apps did not confirm the reopening; repeat the request.",
      undone.retryAfterMs,
    );
  return { jsonBody: { id, alerts: undone.alerts } };
}

app.http("undo_verdict", {
  methods: ["POST"],
  authLevel: "function",
  route: "alerts/verdicts/{id}/undo",
  handler: undoAlertVerdict,
});
