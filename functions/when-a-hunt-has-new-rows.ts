/**
 * Lists a hunt's exports after a cursor: 200 with new ones, 202 without. The polling trigger of
 * Logic Apps calls it.
 */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { exportsParameters } from "../shared/contracts/hunt-views.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { withQuery } from "../shared/http/public-url.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { toListedExport } from "../shared/hunts/run/hunt-jobs.ts";
import { formatCursor, pollExports } from "../shared/hunts/poll-exports.ts";

const cursorFault = {
  path: "/after",
  message: "must be latest, a number, or a cursor such as v1.17",
};

async function pollNewRows(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const hunt = tenant.getHunt(request.params["name"]);
  const query = readQuery(exportsParameters, request.query);
  const deps = await tenant.huntDeps();
  const polled = await pollExports(deps, hunt, query, await services.serverNowMs());
  if (polled.kind === "invalid-cursor")
    throw new Problem(400, "The query is invalid.", { errors: [cursorFault] });
  if (polled.kind === "cursor-beyond-end")
    throw new Problem(410, "The cursor is after the newest export. Poll again with after=latest.");
  const { exports, isFull } = polled.page;
  const cursor = formatCursor(polled.page.cursor);
  const location = withQuery(services.toPublicAddress(request.url), { after: cursor });
  return {
    status: exports.length > 0 ? 200 : 202,
    headers: { location, "retry-after": String(polled.retryAfterSeconds) },
    jsonBody: { value: exports.map(toListedExport), nextLink: isFull ? location : null, cursor },
  };
}

app.http("when_a_hunt_has_new_rows", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/exports",
  handler: pollNewRows,
});
