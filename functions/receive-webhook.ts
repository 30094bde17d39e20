/** HTTP doors for other products: a payload, proven and read, becomes messages. One of the two asks for a function key, too. */
import { app, type HttpHandler } from "@azure/functions";
import { receiveDelivery } from "../shared/webhooks/receive.ts";
import { services } from "../shared/app/services.ts";

const handleWebhook =
  (isKeyed: boolean): HttpHandler =>
  async (request) => {
    const source = request.params["source"] ?? "";
    const received = await receiveDelivery(await services.webhookDeps(), {
      source,
      request,
      isKeyed,
    });
    if (received.kind === "handshake")
      return { status: 200, jsonBody: { validationResponse: received.validationCode } };
    const { answer, isPending, receipt } = received;
    if (!isPending) return { status: 200, jsonBody: answer };
    const location = await services.createReceiptUrl(request.url, source, receipt);
    return { status: 202, headers: { location, "retry-after": "10" }, jsonBody: answer };
  };

const route = "webhooks/{source}";
app.http("receive_webhook", {
  methods: ["POST"],
  authLevel: "anonymous",
  route,
  handler: handleWebhook(false),
});
app.http("receive_keyed_webhook", {
  methods: ["POST"],
  authLevel: "function",
  route: `${route}/keyed`,
  handler: handleWebhook(true),
});
