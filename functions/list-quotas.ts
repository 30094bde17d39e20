/** Lists the use of each service's quota. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";

const listQuotas = async (request: HttpRequest): Promise<HttpResponseInit> => ({
  jsonBody: { value: await services.for(request).readQuotaUsage(), nextLink: null },
});

app.http("list_quotas", {
  methods: ["GET"],
  authLevel: "function",
  route: "quotas",
  handler: listQuotas,
});
