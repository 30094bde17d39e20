/** The pre-signed status of a verdict: a job, so that its URL needs no function key. */
import type { HttpResponseInit } from "@azure/functions";
import { readVerdictStatus } from "../alerts/verdict-status.ts";
import type { Operation } from "../contracts/operation.ts";
import { toOperationReply } from "../http/operation-reply.ts";
import { createJobHeader, deriveJobId, jobPaths } from "../storage/jobs.ts";
import { clock, getRecords } from "./platform.ts";
import { createJobUrl } from "./signed-urls.ts";
import type { Tenant } from "./tenants.ts";

const retryAfterSeconds = 10;

/** Creates the job of a verdict, unless it exists. @returns its pre-signed URL */
export async function createVerdictJobUrl(
  tenant: Tenant,
  requestUrl: string,
  verdict: string,
): Promise<string> {
  const id = deriveJobId("verdict", verdict);
  const location = await createJobUrl(tenant, requestUrl, id);
  const header = createJobHeader(clock.now(), {
    id,
    kind: "verdict",
    attempt: id,
    requestHash: id,
    parts: 0,
    request: { verdict },
  });
  await (await getRecords(tenant)).create(jobPaths.header(id), header);
  return location;
}

/** Reads the state of a verdict; undefined when no verdict with this id was accepted. */
export async function readVerdictOperation(
  tenant: Tenant,
  verdict: string,
): Promise<Operation<unknown> | undefined> {
  const found = await readVerdictStatus({ store: await getRecords(tenant) }, verdict);
  if (!found) return undefined;
  const { id, done, ...result } = found;
  return { id, status: done ? "succeeded" : "running", result, error: null };
}

/** Answers with the state of a verdict: 202 until each alert has an outcome, then 200. */
export const toVerdictReply = (operation: Operation<unknown>, location: string): HttpResponseInit =>
  toOperationReply(operation, location, retryAfterSeconds);
