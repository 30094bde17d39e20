/** HTTP doors to the API's description: OpenAPI 3.1 for tools, Swagger 2.0 for custom connectors. The build has made both. */
import { app, type HttpHandler } from "@azure/functions";
import { withServerUrl, type ApiForm } from "../shared/http/api-description.ts";
import { services } from "../shared/app/services.ts";

const serveDescription =
  (form: ApiForm): HttpHandler =>
  (request) => ({ jsonBody: withServerUrl(form, services.readApiDescription(form), request.url) });

app.http("get_open_api", {
  methods: ["GET"],
  authLevel: "function",
  route: "openapi.json",
  handler: serveDescription("openapi"),
});
app.http("get_swagger", {
  methods: ["GET"],
  authLevel: "function",
  route: "swagger.json",
  handler: serveDescription("swagger"),
});
