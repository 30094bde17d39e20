/** HTTP doors: every hunt and how it stands; one hunt in full; the schema of its rows. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { createRowsSchema } from "../shared/hunts/rows-schema.ts";
import { readHuntHealth } from "../shared/hunts/views.ts";
import { toHuntView } from "../shared/contracts/hunt-views.ts";
import { services } from "../shared/app/services.ts";

async function listHunts(): Promise<HttpResponseInit> {
  const [deps, nowMs] = [{ records: await services.records() }, await services.serverNowMs()];
  const views = services
    .readCatalog()
    .hunts.map(async (hunt) => toHuntView(hunt, await readHuntHealth(deps, hunt, nowMs), false));
  return { jsonBody: { hunts: await Promise.all(views) } };
}

async function getHunt(request: HttpRequest): Promise<HttpResponseInit> {
  const hunt = services.getHunt(request.params["name"]);
  const standing = await readHuntHealth(
    { records: await services.records() },
    hunt,
    await services.serverNowMs(),
  );
  return { jsonBody: toHuntView(hunt, standing, true) };
}

const getHuntRowsSchema = (request: HttpRequest): HttpResponseInit => ({
  jsonBody: createRowsSchema(services.getHunt(request.params["name"])),
});

app.http("list_hunts", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts",
  handler: listHunts,
});
app.http("get_hunt", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}",
  handler: getHunt,
});
app.http("get_hunt_rows_schema", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/schema",
  handler: getHuntRowsSchema,
});
