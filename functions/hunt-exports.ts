/** HTTP door to what a hunt exported since a cursor: 200 with news, 202 with none, the polling trigger of Logic Apps. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { listed } from "../shared/hunts/hunt-jobs.ts";
import { exportNews, readCursor, standingOf, writeCursor } from "../shared/hunts/views.ts";
import { readQuery } from "../shared/messages/http-body.ts";
import { exportsQuery } from "../shared/messages/hunt-views.ts";
import { Problem } from "../shared/messages/problem.ts";
import { wiring } from "../shared/wiring.ts";

const badCursor = (): Problem =>
  new Problem(400, "The query cannot be read.", {
    errors: [{ path: "/after", message: "want a number, or a cursor such as v1.17" }],
  });

async function news(request: HttpRequest): Promise<HttpResponseInit> {
  const hunt = wiring.namedHunt(request.params["name"]);
  const query = readQuery(exportsQuery, request.query);
  const ports = await wiring.huntPorts();
  const { version = 1 } = await standingOf(ports, hunt, await wiring.serverNowMs());
  const after = readCursor(query.after, version);
  if (!after) throw badCursor();
  const { exports, cursor } = await exportNews(ports, hunt.name, after, version, query.top);
  const next = new URL(request.url);
  next.searchParams.set("after", writeCursor(cursor));
  return {
    status: exports.length > 0 ? 200 : 202,
    headers: { location: next.href, "retry-after": "60" },
    jsonBody: { exports: exports.map(listed), cursor: writeCursor(cursor) },
  };
}

app.http("hunt_exports", { methods: ["GET"], authLevel: "function", route: "hunts/{name}/exports", handler: news });
