/** Returns the API description as Swagger 2.0, for custom connectors. The build creates it. */
import { app } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { withServerUrl } from "../shared/http/api-description.ts";

app.http("get_swagger", {
  methods: ["GET"],
  authLevel: "function",
  route: "swagger.json",
  handler: (request) => ({
    jsonBody: withServerUrl(
      "swagger",
      services.readApiDescription("swagger"),
      services.toPublicAddress(request.url),
    ),
  }),
});
