/** HTTP door: runs a hunt now, or a span of its past once more. Answers with a job that tells windows, rows and blobs. */
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { startHunt } from "../shared/hunts/start-hunt.ts";
import { readIdempotencyKey } from "../shared/contracts/file-lookup.ts";
import { readOptionalJsonBody } from "../shared/http/request-body.ts";
import { startHuntRequest } from "../shared/contracts/hunt-run.ts";
import { toInputFaults } from "../shared/contracts/input-faults.ts";
import { Problem } from "../shared/contracts/problem.ts";
import { services } from "../shared/app/services.ts";

async function runHunt(request: HttpRequest): Promise<HttpResponseInit> {
  const hunt = services.getHunt(request.params["name"]);
  const { data: runRequest, error } = startHuntRequest.safeParse(
    (await readOptionalJsonBody(request)) ?? {},
  );
  if (error)
    throw new Problem(400, "The request cannot be read.", { errors: toInputFaults(error) });
  const key = readIdempotencyKey(request.headers.get("idempotency-key"));
  const started = await startHunt(await services.huntDeps(), hunt, runRequest, key);
  if (started.kind === "fault")
    throw new Problem(422, "The time range cannot be exported.", {
      errors: [{ path: started.path, message: started.message }],
    });
  if (started.kind === "other-request")
    throw new Problem(409, "This Idempotency-Key was used for another request; send a new one.");
  const location = await services.createJobUrl(request.url, started.job);
  return {
    status: 202,
    headers: { location, "retry-after": "5" },
    jsonBody: { hunt: hunt.name, job: location },
  };
}

app.http("run_hunt", {
  methods: ["POST"],
  authLevel: "function",
  route: "hunts/{name}/runs",
  handler: runHunt,
});
