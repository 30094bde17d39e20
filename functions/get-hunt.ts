/** Returns one hunt in full: its query, its columns and its health. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { toHuntView } from "../shared/contracts/hunt-views.ts";
import { readHuntHealth } from "../shared/hunts/hunt-health.ts";

async function getHunt(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const hunt = tenant.getHunt(request.params["name"]);
  const deps = { records: await tenant.records() };
  const health = await readHuntHealth(deps, hunt, await services.serverNowMs());
  return { jsonBody: toHuntView(hunt, health, true) };
}

app.http("get_hunt", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}",
  handler: getHunt,
});
