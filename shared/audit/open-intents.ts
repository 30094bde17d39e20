/** Finds intents that no outcome followed: what a process left that died between a change and its account. */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import { auditRecord, type AuditBody } from "./chain.ts";

const progressPath = "state/audit/reconciled.json";
const progress = z.object({ after: z.string() });
const auditedEvent = z.looseObject({ kind: z.string(), call: z.string() });

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
export async function listOpenIntents(
  store: RecordStore,
  olderThanMs: number,
): Promise<OpenIntent[]> {
  const stored = await store.read(progressPath);
  const after = stored.kind === "found" ? (progress.safeParse(stored.value).data?.after ?? "") : "";
  const intents = new Map<string, OpenIntent>();
  let last = after;
  let nowMs = stored.serverNowMs;
  const recent = new Set<string>();
  for await (const { path } of store.list("audit/", { startAfter: after })) {
    const read = await store.read(path);
    nowMs = read.serverNowMs;
    const record = read.kind === "found" ? auditRecord.safeParse(read.value).data : undefined;
    const event = auditedEvent.safeParse(record?.body).data;
    last = path;
    if (!record || !event) continue;
    if (event.kind === "intent") {
      intents.set(event.call, { path, call: event.call, body: record.body });
      if (Date.parse(record.at) > nowMs - olderThanMs) recent.add(event.call);
    }
    if (event.kind === "outcome") intents.delete(event.call);
  }
  const first = [...intents.values()][0];
  await saveProgress(store, first === undefined ? last : pathBefore(first.path), stored);
  return [...intents.values()].filter(({ call }) => !recent.has(call));
}

/** A path that lies just before `path`, so that the next listing begins with it. */
const pathBefore = (path: string): string => path.replace(/\.json$/, "");

async function saveProgress(
  store: RecordStore,
  after: string,
  stored: Awaited<ReturnType<RecordStore["read"]>>,
): Promise<void> {
  if (after === "") return;
  await (stored.kind === "absent"
    ? store.create(progressPath, { after })
    : store.replace(progressPath, { after }, stored.etag));
}
