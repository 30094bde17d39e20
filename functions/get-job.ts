/** Returns a job. Its pre-signed URL needs no other key. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { openJob } from "../shared/app/http-handler.ts";
import { services } from "../shared/app/services.ts";
import { toJobReply } from "../shared/files/replies.ts";

async function getJob(request: HttpRequest): Promise<HttpResponseInit> {
  const { view, location } = await openJob(request);
  const accept = request.headers.get("accept");
  const isPartial = request.query.get("partial") === "true";
  const service = await services.fileLookupService();
  return toJobReply(view, { accept, isPartial, location }, service.readReport);
}

app.http("get_job", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "jobs/{id}",
  handler: getJob,
});
