/**
 * Returns the health report of a tenant: what is wrong and how to fix it. Without the parameter
 * `tenant` it has a summary of each tenant that the caller may use.
 */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { summarizeHealth } from "../shared/app/summarize-health.ts";

async function getHealthReport(request: HttpRequest): Promise<HttpResponseInit> {
  const report = await services.for(request).getHealthReport();
  const tenants = request.query.has("tenant") ? [] : services.listFor(request);
  if (tenants.length < 2) return { jsonBody: report };
  return { jsonBody: { ...report, tenants: await summarizeHealth(tenants) } };
}

app.http("get_health_report", {
  methods: ["GET"],
  authLevel: "function",
  route: "health/report",
  handler: getHealthReport,
});
