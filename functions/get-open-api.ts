/** Returns the API description as OpenAPI 3.1. The build creates it. */
import { app } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { withServerUrl } from "../shared/http/api-description.ts";

app.http("get_open_api", {
  methods: ["GET"],
  authLevel: "function",
  route: "openapi.json",
  handler: (request) => ({
    jsonBody: withServerUrl(
      "openapi",
      services.readApiDescription("openapi"),
      services.toPublicAddress(request.url),
    ),
  }),
});
