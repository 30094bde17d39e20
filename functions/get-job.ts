/** HTTP door of jobs: shows one, or ends it before its time. The job's own signed key is the authority, no other. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { cancelReply, jobReply } from "../shared/files/replies.ts";
import { jobId, jobLocation } from "../shared/storage/jobs.ts";
import { Problem } from "../shared/http/problem.ts";
import { wiring } from "../shared/app/services.ts";

/** The job and its key from the URL. Refused before anything is read, and without saying which of the two is wrong. */
async function opened(request: HttpRequest): Promise<{ id: string; key: string }> {
  const id = request.params["id"] ?? "";
  const key = request.query.get("key") ?? "";
  if (jobId.safeParse(id).success && (await wiring.opensJob(id, key))) return { id, key };
  throw new Problem(401, "This address opens no job: its key is wrong or older than a day.");
}

const notFound = (): Problem => new Problem(404, "The job is gone: jobs are kept for seven days.");

async function show(request: HttpRequest): Promise<HttpResponseInit> {
  const { id, key } = await opened(request);
  const desk = await wiring.filesDesk();
  const view = await desk.job(id);
  if (view.kind === "absent") throw notFound();
  const location = jobLocation(request.url, id, key);
  const partial = request.query.get("partial") === "true";
  return jobReply(view, { accept: request.headers.get("accept"), partial, location }, desk.results);
}

async function cancel(request: HttpRequest): Promise<HttpResponseInit> {
  const { id } = await opened(request);
  const desk = await wiring.filesDesk();
  const view = await desk.job(id);
  if (view.kind === "absent") throw notFound();
  return cancelReply(id, view.kind === "running" && (await desk.cancel(view.header)));
}

app.http("show_job", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "jobs/{id}",
  handler: show,
});
app.http("cancel_job", {
  methods: ["DELETE"],
  authLevel: "anonymous",
  route: "jobs/{id}",
  handler: cancel,
});
