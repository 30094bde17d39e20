/** HTTP door to the rows of one export as JSON, for whoever cannot read blobs. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { formatOf } from "../shared/hunts/log/paths.ts";
import { findExport, parseCursor, readHuntHealth } from "../shared/hunts/views.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { rowsParameters } from "../shared/contracts/hunt-views.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { services } from "../shared/app/services.ts";

async function listHuntRows(request: HttpRequest): Promise<HttpResponseInit> {
  const hunt = services.getHunt(request.params["name"]);
  const { skip, top } = readQuery(rowsParameters, request.query);
  const deps = await services.huntDeps();
  const { version = 1 } = await readHuntHealth(deps, hunt, await services.serverNowMs());
  const cursor = parseCursor(request.params["seq"] ?? "", version);
  const huntExport = cursor && (await findExport(deps, hunt.name, cursor));
  if (!huntExport) throw new Problem(404, "No export has this number.");
  const texts = await deps.exports.readRows(
    huntExport.path,
    formatOf(huntExport.path) ?? "ndjson",
    skip,
    top,
  );
  // Put together as text: a 64-bit integer parsed and printed again would lose its last digits.
  const body = `{"seq":${huntExport.metadata.seq},"rows":[${texts.join(",")}]}`;
  return { headers: { "content-type": "application/json" }, body };
}

app.http("list_hunt_rows", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/exports/{seq}/rows",
  handler: listHuntRows,
});
