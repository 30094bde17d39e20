/**
 * Starts every overdue hunt: a second trigger beside the timers, which the platform may stop. A
 * repetition has no effect.
 */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { forEachTenant } from "../shared/app/for-each-tenant.ts";
import { services } from "../shared/app/services.ts";

/** Starts those of one tenant, or of every tenant that the caller may use. */
async function startOverdueHunts(request: HttpRequest): Promise<HttpResponseInit> {
  const isOne = request.query.has("tenant");
  const tenants = isOne ? [services.for(request)] : services.listFor(request);
  const started: string[] = [];
  await forEachTenant(tenants, async (each) => {
    const { isDefault, name } = each.tenant;
    const prefix = isOne || isDefault ? "" : `${name}/`;
    for (const hunt of await each.startOverdueHunts("overdue")) started.push(`${prefix}${hunt}`);
  });
  return { jsonBody: { started } };
}

app.http("start_overdue_hunts", {
  methods: ["POST"],
  authLevel: "function",
  route: "hunts/tick",
  handler: startOverdueHunts,
});
