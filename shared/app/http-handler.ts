/**
 * The steps that several HTTP functions share: refusing a bad body, opening a signed address,
 * answering a lookup.
 */
import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { verdictId } from "../contracts/alert-verdict.ts";
import { createOperationHeaders } from "../contracts/operation.ts";
import { Problem } from "../contracts/problem.ts";
import type { LookupRequest } from "../files/file-jobs.ts";
import type { JobView } from "../files/file-lookup-service.ts";
import { toLookupReply } from "../files/replies.ts";
import { receiveDelivery } from "../webhooks/receive.ts";
import { defaultTenant } from "../storage/tenant-records.ts";
import { services } from "./services.ts";
import type { TenantServices } from "./tenant-services.ts";

/** Answers a file lookup at once, or with its job. */
export async function replyToLookup(
  request: HttpRequest,
  lookup: LookupRequest,
): Promise<HttpResponseInit> {
  const tenant = services.for(request);
  const service = await tenant.fileLookupService();
  const outcome = await service.lookUpFiles(lookup);
  return toLookupReply(outcome, request.headers.get("accept"), (id) =>
    tenant.createJobUrl(request.url, id),
  );
}

/**
 * Receives a webhook.
 *
 * @param isKeyed - true when the platform has checked a function key
 */
export async function replyToDelivery(
  request: HttpRequest,
  isKeyed: boolean,
): Promise<HttpResponseInit> {
  const source = request.params["source"] ?? "";
  refuseTenantParameter(request);
  const tenant = services.ofSource(source);
  const deps = await tenant.webhookDeps();
  const result = await receiveDelivery(deps, { source, request, isKeyed });
  if (result.kind === "handshake")
    return { status: 200, jsonBody: { validationResponse: result.validationCode } };
  if (!result.isPending) return { status: 200, jsonBody: result.answer };
  const location = await tenant.createReceiptUrl(request.url, source, result.receipt);
  return { status: 202, headers: createOperationHeaders(location, 10), jsonBody: result.answer };
}

/** A sender must not choose whose alerts it closes. @throws Problem 400 */
function refuseTenantParameter(request: HttpRequest): void {
  if (request.query.has("tenant"))
    throw new Problem(400, "The query is invalid.", {
      errors: [
        { path: "/tenant", message: "must be left out: the source's configuration names it" },
      ],
    });
}

/** A job that the pre-signed URL of a request opens. */
export interface OpenedJob {
  /** The services of its tenant. */
  readonly tenant: TenantServices;
  readonly view: Exclude<JobView, { kind: "absent" }>;
  /** The job's URL without other parameters. */
  readonly location: string;
}

/**
 * Opens the job of a pre-signed URL. The signature is checked before anything is read, and the
 * refusal does not say whether the job or the key is wrong.
 *
 * @throws Problem 401 for an invalid URL, 404 for a job that was removed
 */
export async function openJob(request: HttpRequest): Promise<OpenedJob> {
  const id = request.params["id"] ?? "";
  const key = request.query.get("key") ?? "";
  const tenant = services.find(request.query.get("tenant") ?? defaultTenant);
  if (!tenant || !(await tenant.isValidJobKey(id, key)))
    throw new Problem(
      401,
      "The job URL is invalid or has expired (24 hours); repeat the request that started the job.",
    );
  const service = await tenant.fileLookupService();
  const view = await service.readJob(id);
  if (view.kind === "absent")
    throw new Problem(404, "The job was removed: jobs are kept for 7 days. Start it again.");
  return { tenant, view, location: tenant.toJobLocation(request.url, id, key) };
}

export const createVerdictNotFound = (): Problem =>
  new Problem(404, "No verdict with this id was sent over HTTP; check the id.");

/** Reads the verdict's id in the path. @throws Problem 404 for text that cannot be an id */
export function readVerdictId(request: HttpRequest): string {
  const { data } = verdictId.safeParse(request.params["id"]);
  if (data === undefined) throw createVerdictNotFound();
  return data;
}
