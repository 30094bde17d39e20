/** Returns the health status without a reason. Anyone may call it. */
import { app, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";

/** A report that cannot be created is unhealthy; anonymous callers get no cause. */
async function getHealth(): Promise<HttpResponseInit> {
  const status = await services.getHealthReport().then(
    (report) => report.status,
    () => "unhealthy",
  );
  return { status: status === "unhealthy" ? 503 : 200, jsonBody: { status } };
}

app.http("get_health", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "health",
  handler: getHealth,
});
