/** Lists the rows of one export as JSON, for callers that cannot read blobs. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { rowsParameters } from "../shared/contracts/hunt-views.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { withQuery } from "../shared/http/public-url.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { formatOf } from "../shared/hunts/log/paths.ts";
import { readHuntHealth } from "../shared/hunts/hunt-health.ts";
import { findExport, parseCursor } from "../shared/hunts/poll-exports.ts";

async function listHuntRows(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const hunt = tenant.getHunt(request.params["name"]);
  const { skip, top } = readQuery(rowsParameters, request.query);
  const deps = await tenant.huntDeps();
  const { version } = await readHuntHealth(deps, hunt, await services.serverNowMs());
  const cursor = parseCursor(request.params["seq"] ?? "", version ?? 1);
  const found = cursor && (await findExport(deps, hunt.name, cursor));
  if (!found)
    throw new Problem(404, "No export has this number; GET …/exports lists the hunt's exports.");
  const format = formatOf(found.path) ?? "ndjson";
  const texts = await deps.exports.readRows(found.path, format, skip, top);
  const { seq, rows } = found.metadata;
  const end = skip + texts.length;
  const nextLink =
    texts.length > 0 && end < rows
      ? withQuery(services.toPublicAddress(request.url), { skip: end })
      : null;
  // Assembled as text: a 64-bit integer that is parsed and printed again would lose its last
  // digits.
  const body = `{"seq":${seq},"value":[${texts.join(",")}],"nextLink":${JSON.stringify(nextLink)}}`;
  return { headers: { "content-type": "application/json" }, body };
}

app.http("list_hunt_rows", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/exports/{seq}/rows",
  handler: listHuntRows,
});
