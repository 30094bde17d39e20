/** HTTP doors to the API's description: OpenAPI 3.1 for tools, Swagger 2.0 for custom connectors. The build has made both. */
import { app, type HttpHandler } from "@azure/functions";
import { describedAt, type ApiForm } from "../shared/http/api-description.ts";
import { wiring } from "../shared/app/services.ts";

const show =
  (form: ApiForm): HttpHandler =>
  (request) => ({ jsonBody: describedAt(form, wiring.apiDescription(form), request.url) });

app.http("openapi", {
  methods: ["GET"],
  authLevel: "function",
  route: "openapi.json",
  handler: show("openapi"),
});
app.http("swagger", {
  methods: ["GET"],
  authLevel: "function",
  route: "swagger.json",
  handler: show("swagger"),
});
