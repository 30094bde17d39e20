/**
 * Returns the status of a webhook delivery: 202 while work is in progress, then 200. Its pre-signed
 * URL needs no other key.
 */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { toOperationReply } from "../shared/http/operation-reply.ts";
import { readReceiptStatus } from "../shared/webhooks/receipt-status.ts";

async function getWebhookReceipt(request: HttpRequest): Promise<HttpResponseInit> {
  const { source = "", receipt = "" } = request.params;
  const key = request.query.get("key") ?? "";
  const tenant = services.ofSource(source);
  if (!(await tenant.isValidReceiptKey(source, receipt, key)))
    throw new Problem(401, "The receipt URL is invalid or has expired (24 hours); deliver again.");
  const status = await readReceiptStatus(await tenant.receiptStatusDeps(), source, receipt);
  if (!status) throw new Problem(404, "The receipt was removed: receipts are kept for 8 days.");
  return toOperationReply(status, services.toPublicAddress(request.url), 10);
}

app.http("get_webhook_receipt", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "webhooks/{source}/receipts/{receipt}",
  handler: getWebhookReceipt,
});
