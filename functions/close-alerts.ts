/** Accepts a verdict on alerts, or plans it without a change. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { findReasonFault } from "../shared/alerts/closures.ts";
import { dryRunVerdict } from "../shared/alerts/dry-run-verdict.ts";
import { submitVerdict } from "../shared/alerts/submit-verdict.ts";
import { services } from "../shared/app/services.ts";
import type { TenantServices } from "../shared/app/tenant-services.ts";
import { verdictRequest, type VerdictRequest } from "../shared/contracts/alert-verdict.ts";
import { createRetryProblem, Problem } from "../shared/contracts/problem.ts";
import { createRunningOperation, toOperationReply } from "../shared/http/operation-reply.ts";
import { readValidBody } from "../shared/http/request-body.ts";

async function readVerdict(request: HttpRequest): Promise<VerdictRequest> {
  const verdict = await readValidBody(request, verdictRequest);
  const message = findReasonFault(verdict.action, verdict.reason);
  if (message === undefined) return verdict;
  throw new Problem(400, "The verdict is invalid.", { errors: [{ path: "/reason", message }] });
}

async function planVerdict(
  tenant: TenantServices,
  verdict: VerdictRequest,
): Promise<HttpResponseInit> {
  const plan = await dryRunVerdict(await tenant.alertDeps(), verdict);
  if (plan.kind === "planned")
    return { jsonBody: { id: verdict.id, dryRun: true, alerts: plan.alerts } };
  throw plan.kind === "later"
    ? createRetryProblem("Cloud Apps cannot be called now; try again.", plan.retryAfterMs)
    : new Problem(503, plan.message);
}

async function closeAlerts(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const verdict = await readVerdict(request);
  if (verdict.dryRun === true) return planVerdict(tenant, verdict);
  // Before the verdict is accepted: without the key of its address, nothing is.
  const location = await tenant.createVerdictJobUrl(request.url, verdict.id);
  const maxPerDay = await tenant.maxAlertsPerSourcePerDay();
  const submitted = await submitVerdict(await tenant.alertDeps(), verdict, "api", maxPerDay);
  if (submitted.kind === "idTaken")
    throw new Problem(409, "This id was used for another verdict; send a new id.");
  if (submitted.kind === "capped")
    throw createRetryProblem(
      "Daily alert limit reached for this sender; it resets at midnight UTC.",
      submitted.retryAfterMs,
      429,
    );
  return toOperationReply(createRunningOperation(verdict.id), location, 5);
}

app.http("close_alerts", {
  methods: ["POST"],
  authLevel: "function",
  route: "alerts/verdicts",
  handler: closeAlerts,
});
