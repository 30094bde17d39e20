/** The stored form of an accepted request: `state/verdicts/{id}.json`. */
import * as z from "zod/mini";
import type { VerdictRequest } from "../contracts/alert-verdict.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { readRecord, readValue, type TypedRecord } from "../storage/typed-record.ts";
import { toCloseRequest } from "./alert-record.ts";

/** `enqueued` turns true when every message of the request is on the queue. */
export const requestRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  digest: z.string(),
  closure: z.enum(["truePositive", "falsePositive", "benign"]),
  alertIds: z.array(z.string()),
  requestedBy: z.string(),
  requestedAt: z.string(),
  acceptedAtMs: z.number(),
  source: z.string(),
  enqueued: z.boolean(),
});
export type RequestRecord = z.infer<typeof requestRecord>;

export const requestFolder = "state/verdicts/";

export const requestPath = (id: string): string => `${requestFolder}${id}.json`;

/** Reads a request's record with its etag. */
export const readRequestRecord = (
  store: Pick<RecordStore, "read">,
  id: string,
): Promise<TypedRecord<RequestRecord>> => readRecord(store, requestPath(id), requestRecord);

/** Reads a request's record; undefined when it is absent, invalid, or only reserves the id. */
export const findRequestRecord = (
  store: Pick<RecordStore, "read">,
  id: string,
): Promise<RequestRecord | undefined> => readValue(store, requestPath(id), requestRecord);

/** Returns the record of a request that is not on the queue yet. */
export const createRequestRecord = (
  request: Omit<VerdictRequest, "dryRun">,
  digest: string,
  source: string,
  nowMs: number,
): RequestRecord => ({
  version: 1,
  id: request.id,
  digest,
  closure: toCloseRequest(request).closure,
  alertIds: request.alertIds,
  requestedBy: request.requestedBy,
  requestedAt: request.requestedAt,
  acceptedAtMs: nowMs,
  source,
  enqueued: false,
});
