/** HTTP door of jobs: shows one, or ends it before its time. The job's own signed key is the authority, no other. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { toCancelReply, toJobReply } from "../shared/files/replies.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { services } from "../shared/app/services.ts";

/** The job and its key from the URL. Refused before anything is read, and without saying which of the two is wrong. */
async function authorizeJob(request: HttpRequest): Promise<{ id: string; key: string }> {
  const id = request.params["id"] ?? "";
  const key = request.query.get("key") ?? "";
  if (await services.isValidJobKey(id, key)) return { id, key };
  throw new Problem(401, "This address opens no job: its key is wrong or older than a day.");
}

const createNotFound = (): Problem =>
  new Problem(404, "The job is gone: jobs are kept for seven days.");

async function getJob(request: HttpRequest): Promise<HttpResponseInit> {
  const { id, key } = await authorizeJob(request);
  const service = await services.fileLookupService();
  const view = await service.readJob(id);
  if (view.kind === "absent") throw createNotFound();
  const location = services.toJobLocation(request.url, id, key);
  const partial = request.query.get("partial") === "true";
  return toJobReply(
    view,
    { accept: request.headers.get("accept"), isPartial: partial, location },
    service.readReport,
  );
}

async function cancelJob(request: HttpRequest): Promise<HttpResponseInit> {
  const { id } = await authorizeJob(request);
  const service = await services.fileLookupService();
  const view = await service.readJob(id);
  if (view.kind === "absent") throw createNotFound();
  return toCancelReply(id, view.kind === "running" && (await service.cancelJob(view.header)));
}

app.http("get_job", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "jobs/{id}",
  handler: getJob,
});
app.http("cancel_job", {
  methods: ["DELETE"],
  authLevel: "anonymous",
  route: "jobs/{id}",
  handler: cancelJob,
});
