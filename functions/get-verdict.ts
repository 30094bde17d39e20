/** HTTP doors to one verdict: how it goes (202 until every alert is settled, then 200), and taking it back. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { undoVerdict, verdictStatus } from "../shared/alerts/verdict-requests.ts";
import { verdictId } from "../shared/contracts/alert-verdict.ts";
import { later, Problem } from "../shared/http/problem.ts";
import { wiring } from "../shared/app/services.ts";

const unknown = (): Problem => new Problem(404, "No verdict with this id was sent over HTTP.");

function idOf(request: HttpRequest): string {
  const { data } = verdictId.safeParse(request.params["id"]);
  if (data === undefined) throw unknown();
  return data;
}

async function show(request: HttpRequest): Promise<HttpResponseInit> {
  const status = await verdictStatus(await wiring.verdictDesk(), idOf(request));
  if (!status) throw unknown();
  if (status.done) return { jsonBody: status };
  return { status: 202, headers: { location: request.url, "retry-after": "10" }, jsonBody: status };
}

async function undo(request: HttpRequest): Promise<HttpResponseInit> {
  const id = idOf(request);
  const undone = await undoVerdict(await wiring.verdictDesk(), id);
  if (undone.kind === "unknown-verdict") throw unknown();
  if (undone.kind === "later")
    throw later("Cloud Apps did not confirm the reopening; ask again.", undone.retryAfterMs);
  return { jsonBody: { id, alerts: undone.alerts } };
}

const route = "alerts/verdicts/{id}";
app.http("alert_verdict", { methods: ["GET"], authLevel: "function", route, handler: show });
app.http("undo_alert_verdict", {
  methods: ["POST"],
  authLevel: "function",
  route: `${route}/undo`,
  handler: undo,
});
