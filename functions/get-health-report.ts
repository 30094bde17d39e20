/** Returns the health report: what is wrong and how to fix it. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";

async function getHealthReport(request: HttpRequest): Promise<HttpResponseInit> {
  const report = await services.for(request).getHealthReport();
  return { jsonBody: report };
}

app.http("get_health_report", {
  methods: ["GET"],
  authLevel: "function",
  route: "health/report",
  handler: getHealthReport,
});
