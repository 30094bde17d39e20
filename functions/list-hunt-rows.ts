/** HTTP door to the rows of one export as JSON, for whoever cannot read blobs. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { formatOf } from "../shared/hunts/log/paths.ts";
import { findExport, readCursor, standingOf } from "../shared/hunts/views.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { rowsQuery } from "../shared/contracts/hunt-views.ts";
import { Problem } from "../shared/http/problem.ts";
import { wiring } from "../shared/app/services.ts";

async function rows(request: HttpRequest): Promise<HttpResponseInit> {
  const hunt = wiring.namedHunt(request.params["name"]);
  const { skip, top } = readQuery(rowsQuery, request.query);
  const ports = await wiring.huntPorts();
  const { version = 1 } = await standingOf(ports, hunt, await wiring.serverNowMs());
  const cursor = readCursor(request.params["seq"] ?? "", version);
  const found = cursor && (await findExport(ports, hunt.name, cursor));
  if (!found) throw new Problem(404, "No export has this number.");
  const texts = await ports.exports.rows(found.path, formatOf(found.path) ?? "ndjson", skip, top);
  // Put together as text: a 64-bit integer parsed and printed again would lose its last digits.
  const body = `{"seq":${found.metadata.seq},"rows":[${texts.join(",")}]}`;
  return { headers: { "content-type": "application/json" }, body };
}

app.http("export_rows", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/exports/{seq}/rows",
  handler: rows,
});
