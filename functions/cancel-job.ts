/** Cancels a file lookup job; its results so far stay readable. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { openJob } from "../shared/app/http-handler.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { toCancelReply } from "../shared/files/replies.ts";

async function cancelJob(request: HttpRequest): Promise<HttpResponseInit> {
  const { tenant, view } = await openJob(request);
  if (view.header.kind === "verdict")
    throw new Problem(409, "A verdict cannot be canceled; undo it instead.");
  if (view.kind === "ended") return toCancelReply(view.header, view.status);
  const service = await tenant.fileLookupService();
  const isCanceled = await service.cancelJob(view.header);
  return toCancelReply(view.header, isCanceled ? "canceled" : "running");
}

app.http("cancel_job", {
  methods: ["DELETE"],
  authLevel: "anonymous",
  route: "jobs/{id}",
  handler: cancelJob,
});
