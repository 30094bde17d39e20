/** HTTP doors: every hunt and how it stands; one hunt in full; the schema of its rows. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { rowsSchemaOf } from "../shared/hunts/rows-schema.ts";
import { standingOf } from "../shared/hunts/views.ts";
import { huntView } from "../shared/contracts/hunt-views.ts";
import { wiring } from "../shared/app/services.ts";

async function all(): Promise<HttpResponseInit> {
  const [ports, nowMs] = [{ records: await wiring.records() }, await wiring.serverNowMs()];
  const views = wiring
    .catalogue()
    .hunts.map(async (hunt) => huntView(hunt, await standingOf(ports, hunt, nowMs), false));
  return { jsonBody: { hunts: await Promise.all(views) } };
}

async function one(request: HttpRequest): Promise<HttpResponseInit> {
  const hunt = wiring.namedHunt(request.params["name"]);
  const standing = await standingOf(
    { records: await wiring.records() },
    hunt,
    await wiring.serverNowMs(),
  );
  return { jsonBody: huntView(hunt, standing, true) };
}

const schema = (request: HttpRequest): HttpResponseInit => ({
  jsonBody: rowsSchemaOf(wiring.namedHunt(request.params["name"])),
});

app.http("list_hunts", { methods: ["GET"], authLevel: "function", route: "hunts", handler: all });
app.http("show_hunt", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}",
  handler: one,
});
app.http("hunt_rows_schema", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/schema",
  handler: schema,
});
