/** Serves the static files of the operator console; the page gets its data from the API. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { createConsoleConfig, readConsoleFile } from "../shared/app/console-files.ts";
import { Problem } from "../shared/contracts/problem.ts";

async function getConsole(request: HttpRequest): Promise<HttpResponseInit> {
  const name = request.params["file"] ?? "";
  if (name === "config.json")
    return { jsonBody: createConsoleConfig(), headers: { "cache-control": "no-store" } };
  const file = await readConsoleFile(name, request.headers.get("accept-encoding"));
  if (!file) throw new Problem(404, "The console does not have this file.");
  return file;
}

app.http("get_console", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "console/{*file}",
  handler: getConsole,
});
