/** Returns a hunt's rows by day. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { readTrend } from "../shared/hunts/trend.ts";
import { services } from "../shared/app/services.ts";

async function getHuntTrend(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const hunt = tenant.getHunt(request.params["name"]);
  const value = await readTrend(await tenant.huntDeps(), hunt.name, await services.serverNowMs());
  return { jsonBody: { value, nextLink: null } };
}

app.http("get_hunt_trend", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/trend",
  handler: getHuntTrend,
});
