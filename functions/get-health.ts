/**
 * Returns the health status without a reason. Anyone may call it; 503 means that the app cannot
 * accept requests.
 */
import { app, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";

/**
 * A report that cannot be created means that storage, vault or settings fail; anonymous callers get
 * no cause.
 */
async function getHealth(): Promise<HttpResponseInit> {
  try {
    const { status } = await services.default().getHealthReport();
    return { jsonBody: { status } };
  } catch {
    return { status: 503, jsonBody: { status: "unhealthy" } };
  }
}

app.http("get_health", {
  methods: ["GET", "HEAD"],
  authLevel: "anonymous",
  route: "health",
  handler: getHealth,
});
