/** HTTP door to what became of a webhook: 202 while any of it goes on, then 200. Its signed address is the authority, no other. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { Problem } from "../shared/contracts/problem.ts";
import { readReceiptStatus } from "../shared/webhooks/receipt-status.ts";
import { services } from "../shared/app/services.ts";

async function getWebhookReceipt(request: HttpRequest): Promise<HttpResponseInit> {
  const { source = "", receipt = "" } = request.params;
  const key = request.query.get("key") ?? "";
  if (!(await services.isValidReceiptKey(source, receipt, key)))
    throw new Problem(401, "This address opens no receipt: its key is wrong or older than a day.");
  const status = await readReceiptStatus(await services.receiptStatusDeps(), source, receipt);
  if (!status) throw new Problem(404, "The receipt is gone: receipts are kept for eight days.");
  if (status.done) return { status: 200, jsonBody: status };
  return { status: 202, headers: { location: request.url, "retry-after": "10" }, jsonBody: status };
}

app.http("get_webhook_receipt", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "webhooks/{source}/receipts/{receipt}",
  handler: getWebhookReceipt,
});
