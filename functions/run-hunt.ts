/** Starts a run of a hunt, or exports a past time range again, to a separate path. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { startHuntRequest } from "../shared/contracts/hunt-run.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { readIdempotencyKey } from "../shared/http/idempotency-key.ts";
import { createRunningOperation, toOperationReply } from "../shared/http/operation-reply.ts";
import { readValidBody } from "../shared/http/request-body.ts";
import { startHunt } from "../shared/hunts/start-hunt.ts";

async function runHunt(request: HttpRequest): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const hunt = tenant.getHunt(request.params["name"]);
  const runRequest = await readValidBody(request, startHuntRequest, { isOptional: true });
  const key = readIdempotencyKey(request);
  const started = await startHunt(await tenant.huntDeps(), hunt, runRequest, key);
  if (started.kind === "fault")
    throw new Problem(422, started.message, {
      errors: [{ path: "/from", message: started.message }],
    });
  if (started.kind === "other-request")
    throw new Problem(409, "This Idempotency-Key was used for another request; send a new key.");
  const location = await tenant.createJobUrl(request.url, started.job);
  return toOperationReply(createRunningOperation(started.job), location, 5);
}

app.http("run_hunt", {
  methods: ["POST"],
  authLevel: "function",
  route: "hunts/{name}/runs",
  handler: runHunt,
});
