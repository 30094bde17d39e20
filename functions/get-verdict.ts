/** HTTP doors to one verdict: how it goes (202 until every alert is settled, then 200), and taking it back. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { undoVerdict } from "../shared/alerts/undo-verdict.ts";
import { readVerdictStatus } from "../shared/alerts/verdict-status.ts";
import { verdictId } from "../shared/contracts/alert-verdict.ts";
import { createRetryProblem, Problem } from "../shared/contracts/problem.ts";
import { services } from "../shared/app/services.ts";

const createNotFound = (): Problem =>
  new Problem(404, "No verdict with this id was sent over HTTP.");

function readVerdictId(request: HttpRequest): string {
  const { data } = verdictId.safeParse(request.params["id"]);
  if (data === undefined) throw createNotFound();
  return data;
}

async function getVerdict(request: HttpRequest): Promise<HttpResponseInit> {
  const status = await readVerdictStatus(await services.alertDeps(), readVerdictId(request));
  if (!status) throw createNotFound();
  if (status.done) return { jsonBody: status };
  return { status: 202, headers: { location: request.url, "retry-after": "10" }, jsonBody: status };
}

async function undoAlertVerdict(request: HttpRequest): Promise<HttpResponseInit> {
  const id = readVerdictId(request);
  const undoResult = await undoVerdict(await services.alertDeps(), id);
  if (undoResult.kind === "unknownVerdict") throw createNotFound();
  if (undoResult.kind === "later")
    throw createRetryProblem(
      "Cloud Apps did not confirm the reopening; ask again.",
      undoResult.retryAfterMs,
    );
  return { jsonBody: { id, alerts: undoResult.alerts } };
}

const route = "alerts/verdicts/{id}";
app.http("get_verdict", { methods: ["GET"], authLevel: "function", route, handler: getVerdict });
app.http("undo_verdict", {
  methods: ["POST"],
  authLevel: "function",
  route: `${route}/undo`,
  handler: undoAlertVerdict,
});
