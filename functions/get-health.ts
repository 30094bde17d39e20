/** HTTP doors of health: one word for anyone, the whole report for whoever has a key. Unhealthy is 503. */
import { app, type HttpResponseInit } from "@azure/functions";
import { wiring } from "../shared/app/services.ts";

const statusOf = (status: string): number => (status === "unhealthy" ? 503 : 200);

/** What keeps the report from being made is itself the answer; to strangers it has no name. */
async function brief(): Promise<HttpResponseInit> {
  const status = await wiring.health().then(
    (report) => report.status,
    () => "unhealthy",
  );
  return { status: statusOf(status), jsonBody: { status } };
}

async function whole(): Promise<HttpResponseInit> {
  const report = await wiring.health();
  return { status: statusOf(report.status), jsonBody: report };
}

app.http("health", { methods: ["GET"], authLevel: "anonymous", route: "health", handler: brief });
app.http("health_report", {
  methods: ["GET"],
  authLevel: "function",
  route: "health/report",
  handler: whole,
});
