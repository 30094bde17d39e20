/** Lists accepted webhook deliveries, newest first. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { createNextLink, deliveryParameters } from "../shared/contracts/list-parameters.ts";
import { readQuery } from "../shared/http/request-body.ts";
import { listDeliveries } from "../shared/webhooks/list-deliveries.ts";
import { services } from "../shared/app/services.ts";

async function listAcceptedDeliveries(request: HttpRequest): Promise<HttpResponseInit> {
  const { skipToken, source, top } = readQuery(deliveryParameters, request.query);
  const deps = { records: await services.for(request).records() };
  const page = await listDeliveries(deps, { source, top, skipToken });
  return {
    jsonBody: {
      value: page.value,
      nextLink: createNextLink(services.toPublicAddress(request.url), page.skipToken),
    },
  };
}

app.http("list_deliveries", {
  methods: ["GET"],
  authLevel: "function",
  route: "webhooks/deliveries",
  handler: listAcceptedDeliveries,
});
