/** HTTP door to what became of a webhook: 202 while any of it goes on, then 200. Its signed address is the authority, no other. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { Problem } from "../shared/http/problem.ts";
import { receiptKey, receiptName } from "../shared/contracts/webhook.ts";
import { receiptStatus } from "../shared/webhooks/receipt-status.ts";
import { wiring } from "../shared/app/services.ts";

async function show(request: HttpRequest): Promise<HttpResponseInit> {
  const { source = "", receipt = "" } = request.params;
  const isName = receiptName.safeParse(receipt).success;
  if (
    !isName ||
    !(await wiring.opensJob(receiptKey(source, receipt), request.query.get("key") ?? ""))
  )
    throw new Problem(401, "This address opens no receipt: its key is wrong or older than a day.");
  const status = await receiptStatus(await wiring.webhookStatus(), source, receipt);
  if (!status) throw new Problem(404, "The receipt is gone: receipts are kept for eight days.");
  if (status.done) return { status: 200, jsonBody: status };
  return { status: 202, headers: { location: request.url, "retry-after": "10" }, jsonBody: status };
}

app.http("webhook_receipts", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "webhooks/{source}/receipts/{receipt}",
  handler: show,
});
