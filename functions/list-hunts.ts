/** Lists every hunt with its health. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { toHuntView } from "../shared/contracts/hunt-views.ts";
import { readHuntHealth } from "../shared/hunts/hunt-health.ts";

async function listHunts(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const deps = { records: await tenant.records() };
  const nowMs = await services.serverNowMs();
  const views = tenant
    .listHunts()
    .map(async (hunt) => toHuntView(hunt, await readHuntHealth(deps, hunt, nowMs), false));
  return { jsonBody: { value: await Promise.all(views), nextLink: null } };
}

app.http("list_hunts", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts",
  handler: listHunts,
});
