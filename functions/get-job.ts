/** Returns a job. Its pre-signed URL needs no other key. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { createVerdictNotFound, openJob, type OpenedJob } from "../shared/app/http-handler.ts";
import { toVerdictReply } from "../shared/app/verdict-jobs.ts";
import { toJobReply } from "../shared/files/replies.ts";

async function getJob(request: HttpRequest): Promise<HttpResponseInit> {
  const opened = await openJob(request);
  const { location, tenant, view } = opened;
  if (view.header.kind === "verdict") return getVerdictJob(opened);
  const accept = request.headers.get("accept");
  const isPartial = request.query.get("partial") === "true";
  const service = await tenant.fileLookupService();
  return toJobReply(view, { accept, isPartial, location }, service.readReport);
}

/** A verdict is shown by the outcomes of its alerts; its job is only its address. */
async function getVerdictJob({ location, tenant, view }: OpenedJob): Promise<HttpResponseInit> {
  const { createdAt, expiresAt, request } = view.header;
  const operation = await tenant.readVerdictOperation(String(request["verdict"]));
  if (!operation) throw createVerdictNotFound();
  const job = { ...operation, createdAt, expiresAt, progress: null };
  return toVerdictReply(job, location);
}

app.http("get_job", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "jobs/{id}",
  handler: getJob,
});
