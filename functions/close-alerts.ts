/** HTTP door of the verdict desk: asks for a closing, or rehearses it. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { findReasonFault } from "../shared/alerts/closures.ts";
import { dryRunVerdict } from "../shared/alerts/dry-run-verdict.ts";
import { submitVerdict } from "../shared/alerts/submit-verdict.ts";
import { verdictRequest, type VerdictRequest } from "../shared/contracts/alert-verdict.ts";
import { readJsonBody } from "../shared/http/request-body.ts";
import { toInputFaults } from "../shared/contracts/input-faults.ts";
import { createRetryProblem, Problem } from "../shared/contracts/problem.ts";
import { services } from "../shared/app/services.ts";

async function readVerdict(request: HttpRequest): Promise<VerdictRequest> {
  const { data, error } = verdictRequest.safeParse(await readJsonBody(request));
  const message = data && findReasonFault(data.action, data.reason);
  if (data && message === undefined) return data;
  const errors = error ? toInputFaults(error) : [{ path: "/reason", message: message ?? "" }];
  throw new Problem(400, "The verdict is invalid.", { errors });
}

async function closeAlerts(request: HttpRequest): Promise<HttpResponseInit> {
  const verdict = await readVerdict(request);
  const deps = await services.alertDeps();
  if (verdict.dryRun === true) {
    const dryRunResult = await dryRunVerdict(deps, verdict);
    if (dryRunResult.kind === "planned")
      return { jsonBody: { id: verdict.id, dryRun: true, alerts: dryRunResult.alerts } };
    throw dryRunResult.kind === "later"
      ? createRetryProblem("Cloud Apps cannot be asked right now.", dryRunResult.retryAfterMs)
      : new Problem(503, dryRunResult.message);
  }
  const submitted = await submitVerdict(
    deps,
    verdict,
    "api",
    await services.maxAlertsPerSourcePerDay(),
  );
  if (submitted.kind === "idTaken")
    throw new Problem(409, "This id was used for another verdict; send a new id.");
  if (submitted.kind === "capped")
    throw createRetryProblem(
      "This sender's alerts of the day are used up.",
      submitted.retryAfterMs,
      429,
    );
  const url = new URL(`/api/alerts/verdicts/${verdict.id}`, request.url).href;
  return {
    status: 202,
    headers: { location: url, "retry-after": "5" },
    jsonBody: { id: verdict.id, status: url },
  };
}

app.http("close_alerts", {
  methods: ["POST"],
  authLevel: "function",
  route: "alerts/verdicts",
  handler: closeAlerts,
});
