/** HTTP door to what a hunt exported since a cursor: 200 with news, 202 with none, the polling trigger of Logic Apps. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { toListedExport } from "../shared/hunts/run/hunt-jobs.ts";
import { pollExports, formatCursor } from "../shared/hunts/views.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { exportsParameters } from "../shared/contracts/hunt-views.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { services } from "../shared/app/services.ts";

const createCursorProblem = (): Problem =>
  new Problem(400, "The query cannot be read.", {
    errors: [{ path: "/after", message: "want latest, a number, or a cursor such as v1.17" }],
  });

async function pollNewRows(request: HttpRequest): Promise<HttpResponseInit> {
  const hunt = services.getHunt(request.params["name"]);
  const query = readQuery(exportsParameters, request.query);
  const pollResult = await pollExports(
    await services.huntDeps(),
    hunt,
    query,
    await services.serverNowMs(),
  );
  if (pollResult.kind === "invalid-cursor") throw createCursorProblem();
  if (pollResult.kind === "cursor-beyond-end")
    throw new Problem(410, "The cursor is after the newest export. Poll again with after=latest.");
  const { exports, cursor } = pollResult.page;
  const next = new URL(request.url);
  next.searchParams.set("after", formatCursor(cursor));
  return {
    status: exports.length > 0 ? 200 : 202,
    headers: { location: next.href, "retry-after": String(pollResult.retryAfterSeconds) },
    jsonBody: { exports: exports.map(toListedExport), cursor: formatCursor(cursor) },
  };
}

app.http("when_a_hunt_has_new_rows", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/exports",
  handler: pollNewRows,
});
