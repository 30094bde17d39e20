/** HTTP door of the verdict desk: asks for a closing, or rehearses it. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { reasonFault } from "../shared/alerts/closures.ts";
import { rehearse, submitVerdict } from "../shared/alerts/verdict-requests.ts";
import { verdictRequest, type VerdictRequest } from "../shared/contracts/alert-verdict.ts";
import { readJsonBody } from "../shared/http/request-body.ts";
import { inputFaults, later, Problem } from "../shared/http/problem.ts";
import { wiring } from "../shared/app/services.ts";

const statusUrl = (request: HttpRequest, id: string): string =>
  new URL(`/api/alerts/verdicts/${id}`, request.url).href;

async function read(request: HttpRequest): Promise<VerdictRequest> {
  const { data, error } = verdictRequest.safeParse(await readJsonBody(request));
  if (error) throw new Problem(400, "The verdict cannot be read.", { errors: inputFaults(error) });
  const fault = reasonFault(data.action, data.reason);
  if (fault !== undefined)
    throw new Problem(400, "The verdict cannot be read.", {
      errors: [{ path: "/reason", message: fault }],
    });
  return data;
}

async function ask(request: HttpRequest): Promise<HttpResponseInit> {
  const verdict = await read(request);
  const desk = await wiring.verdictDesk();
  if (verdict.dryRun === true) {
    const rehearsal = await rehearse(desk, verdict);
    if (rehearsal.kind === "rehearsed")
      return { jsonBody: { id: verdict.id, dryRun: true, alerts: rehearsal.alerts } };
    throw rehearsal.kind === "later"
      ? later("Cloud Apps cannot be asked right now.", rehearsal.retryAfterMs)
      : new Problem(503, rehearsal.message);
  }
  const submitted = await submitVerdict(desk, verdict, "api", await wiring.verdictsPerDay());
  if (submitted.kind === "id-taken")
    throw new Problem(409, "This id was used for another verdict; send a new id.");
  if (submitted.kind === "capped")
    throw later("This sender's alerts of the day are used up.", submitted.retryAfterMs, 429);
  const url = statusUrl(request, verdict.id);
  return {
    status: 202,
    headers: { location: url, "retry-after": "5" },
    jsonBody: { id: verdict.id, status: url },
  };
}

app.http("alert_verdicts", {
  methods: ["POST"],
  authLevel: "function",
  route: "alerts/verdicts",
  handler: ask,
});
