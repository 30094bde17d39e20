/** HTTP doors of health: one word for anyone, the whole report for whoever has a key. Unhealthy is 503. */
import { app, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";

const toHttpStatus = (status: string): number => (status === "unhealthy" ? 503 : 200);

/** What keeps the report from being made is itself the answer; to strangers it has no name. */
async function getHealth(): Promise<HttpResponseInit> {
  const status = await services.getHealthReport().then(
    (report) => report.status,
    () => "unhealthy",
  );
  return { status: toHttpStatus(status), jsonBody: { status } };
}

async function getHealthReport(): Promise<HttpResponseInit> {
  const report = await services.getHealthReport();
  return { status: toHttpStatus(report.status), jsonBody: report };
}

app.http("get_health", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "health",
  handler: getHealth,
});
app.http("get_health_report", {
  methods: ["GET"],
  authLevel: "function",
  route: "health/report",
  handler: getHealthReport,
});
