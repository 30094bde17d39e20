/** Finds intents without an outcome: the process died between a change and its audit record. */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import { etagOf, readRecord, writeRecord } from "../storage/typed-record.ts";
import { auditRecord, type AuditBody } from "./chain.ts";

const progressPath = "state/audit/reconciled.json";
const progress = z.object({ after: z.string() });
const auditedEvent = z.looseObject({ kind: z.string(), call: z.string() });

/** An intent without an outcome. */
interface OpenIntent {
  readonly path: string;
  readonly call: string;
  readonly body: AuditBody;
}

/**
 * Lists open intents that are older than `olderThanMs`, oldest first, and stores up to where every
 * intent has an outcome, so that the next listing starts there.
 */
export async function listOpenIntents(
  store: RecordStore,
  olderThanMs: number,
): Promise<OpenIntent[]> {
  const stored = await readRecord(store, progressPath, progress);
  const after = stored.kind === "found" ? stored.value.after : "";
  const intents = new Map<string, OpenIntent>();
  let last = after;
  let nowMs = stored.serverNowMs;
  const recent = new Set<string>();
  for await (const { path } of store.list("audit/", { startAfter: after })) {
    const read = await readRecord(store, path, auditRecord);
    nowMs = read.serverNowMs;
    const record = read.kind === "found" ? read.value : undefined;
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
  const settledUpTo = first === undefined ? last : pathBefore(first.path);
  if (settledUpTo !== "")
    await writeRecord(store, progressPath, { after: settledUpTo }, etagOf(stored));
  return [...intents.values()].filter(({ call }) => !recent.has(call));
}

/** Returns a path directly before `path`, so that the next listing starts with it. */
const pathBefore = (path: string): string => path.replace(/\.json$/, "");
