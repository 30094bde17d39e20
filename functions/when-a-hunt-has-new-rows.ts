/** HTTP door to what a hunt exported since a cursor: 200 with news, 202 with none, the polling trigger of Logic Apps. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { listed } from "../shared/hunts/run/hunt-jobs.ts";
import { poll, writeCursor } from "../shared/hunts/views.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { exportsQuery } from "../shared/contracts/hunt-views.ts";
import { Problem } from "../shared/http/problem.ts";
import { wiring } from "../shared/app/services.ts";

const badCursor = (): Problem =>
  new Problem(400, "The query cannot be read.", {
    errors: [{ path: "/after", message: "want latest, a number, or a cursor such as v1.17" }],
  });

async function news(request: HttpRequest): Promise<HttpResponseInit> {
  const hunt = wiring.namedHunt(request.params["name"]);
  const query = readQuery(exportsQuery, request.query);
  const polled = await poll(await wiring.huntPorts(), hunt, query, await wiring.serverNowMs());
  if (polled.kind === "no-cursor") throw badCursor();
  const { exports, cursor } = polled.news;
  const next = new URL(request.url);
  next.searchParams.set("after", writeCursor(cursor));
  return {
    status: exports.length > 0 ? 200 : 202,
    headers: { location: next.href, "retry-after": String(polled.retryAfterSeconds) },
    jsonBody: { exports: exports.map(listed), cursor: writeCursor(cursor) },
  };
}

app.http("hunt_exports", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/exports",
  handler: news,
});
