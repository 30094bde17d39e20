/** Returns the state and the audit entries of one alert. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { readAlertHistory } from "../shared/alerts/alert-history.ts";
import { parseAlertId } from "../shared/contracts/alert-id.ts";
import { createNextLink, listParameters } from "../shared/contracts/list-parameters.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { services } from "../shared/app/services.ts";

async function getAlertHistory(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const parsed = parseAlertId(request.params["id"] ?? "");
  const { skipToken } = readQuery(listParameters, request.query);
  const history =
    parsed.kind === "alert"
      ? await readAlertHistory(await tenant.alertHistoryDeps(), parsed.id, skipToken)
      : undefined;
  if (!history) throw new Problem(404, "No verdict for this alert was accepted.");
  const { skipToken: next, ...body } = history;
  return {
    jsonBody: { ...body, nextLink: createNextLink(services.toPublicAddress(request.url), next) },
  };
}

app.http("get_alert_history", {
  methods: ["GET"],
  authLevel: "function",
  route: "alerts/history/{id}",
  handler: getAlertHistory,
});
