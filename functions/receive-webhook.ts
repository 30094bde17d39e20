/** HTTP doors for other products: a payload, proven and read, becomes messages. One of the two asks for a function key, too. */
import { app, type HttpHandler } from "@azure/functions";
import { receive } from "../shared/webhooks/receive.ts";
import { wiring } from "../shared/app/services.ts";

const take =
  (keyed: boolean): HttpHandler =>
  async (request) => {
    const source = request.params["source"] ?? "";
    const { answer, asked, receipt } = await receive(await wiring.webhooks(), {
      source,
      request,
      keyed,
    });
    if (!asked) return { status: 200, jsonBody: answer };
    const location = await wiring.receiptUrl(request.url, source, receipt);
    return { status: 202, headers: { location, "retry-after": "10" }, jsonBody: answer };
  };

const route = "webhooks/{source}";
app.http("webhooks", { methods: ["POST"], authLevel: "anonymous", route, handler: take(false) });
app.http("keyed_webhooks", {
  methods: ["POST"],
  authLevel: "function",
  route: `${route}/keyed`,
  handler: take(true),
});
