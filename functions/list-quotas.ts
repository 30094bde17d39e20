/** Lists the use of each service's quota. */
import { app, type HttpResponseInit } from "@azure/functions";
import { readQuotaUsage } from "../shared/app/quota-usage.ts";
import { services } from "../shared/app/services.ts";

const listQuotas = async (): Promise<HttpResponseInit> => ({
  jsonBody: { value: await readQuotaUsage(await services.records()), nextLink: null },
});

app.http("list_quotas", {
  methods: ["GET"],
  authLevel: "function",
  route: "quotas",
  handler: listQuotas,
});
