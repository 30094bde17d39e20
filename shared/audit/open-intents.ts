/** Finds intents that no outcome followed: what a process left that died between a change and its account. */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import { auditRecord, type AuditBody } from "./chain.ts";

const progressPath = "state/audit/reconciled.json";
const progress = z.object({ after: z.string() });
const told = z.looseObject({ kind: z.string(), call: z.string() });

/** An intent without an outcome, with its place. */
export interface OpenIntent {
  readonly path: string;
  readonly call: string;
  readonly body: AuditBody;
}

/**
 * Lists open intents that are older than `olderThanMs`, oldest first, and remembers how far everything is accounted
 * for, so that the next time begins there.
 */
export async function openIntents(store: RecordStore, olderThanMs: number): Promise<OpenIntent[]> {
  const known = await store.read(progressPath);
  const after = known.kind === "found" ? (progress.safeParse(known.value).data?.after ?? "") : "";
  const open = new Map<string, OpenIntent>();
  let last = after;
  let nowMs = known.serverNowMs;
  const young = new Set<string>();
  for await (const { path } of store.list("audit/", { startAfter: after })) {
    const read = await store.read(path);
    nowMs = read.serverNowMs;
    const record = read.kind === "found" ? auditRecord.safeParse(read.value).data : undefined;
    const event = told.safeParse(record?.body).data;
    last = path;
    if (!record || !event) continue;
    if (event.kind === "intent") {
      open.set(event.call, { path, call: event.call, body: record.body });
      if (Date.parse(record.at) > nowMs - olderThanMs) young.add(event.call);
    }
    if (event.kind === "outcome") open.delete(event.call);
  }
  const first = [...open.values()][0];
  await remember(store, first === undefined ? last : before(first.path), known);
  return [...open.values()].filter(({ call }) => !young.has(call));
}

/** A path that lies just before `path`, so that the next listing begins with it. */
const before = (path: string): string => path.replace(/\.json$/, "");

async function remember(
  store: RecordStore,
  after: string,
  known: Awaited<ReturnType<RecordStore["read"]>>,
): Promise<void> {
  if (after === "") return;
  await (known.kind === "absent"
    ? store.create(progressPath, { after })
    : store.replace(progressPath, { after }, known.etag));
}
