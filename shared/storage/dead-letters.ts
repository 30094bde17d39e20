/**
 * Messages that could not be worked on, kept where people find them: decoded, redacted, with the
 * reason, once each. Replaying puts the message back as it was, with its original ids, so that
 * replaying what is done changes nothing.
 */
import { createHash } from "node:crypto";
import { redactJson, redactText } from "../runtime/redact.ts";
import { readQueueMessage } from "./queue-message.ts";
import type { MessageQueues, RecordStore } from "./record-store.ts";
import { etagOf, readRecord, readValue, writeRecord } from "./typed-record.ts";
import {
  deadLetter,
  type DeadLetter,
  type DeadLetterQueue,
  type DeadLetterReason,
} from "../contracts/dead-letter.ts";

const root = "dead-letters/";
const maxTextLength = 4_096;

/**
 * Records a message that a function refused, or that is on a poison queue. Equal messages share one
 * record.
 *
 * @param raw - what the queue trigger handed over
 * @returns the record's id
 */
export async function writeDeadLetter(
  store: RecordStore,
  queue: DeadLetterQueue,
  raw: unknown,
  failure: { readonly reason: DeadLetterReason; readonly detail?: string | undefined },
): Promise<string> {
  const read = readQueueMessage(raw);
  const original = read.kind === "object" ? JSON.stringify(read.value) : read.text;
  const id = createHash("sha256").update(original).digest("hex").slice(0, 32);
  const path = deadLetterPath(queue, id);
  for (;;) {
    const existing = await readRecord(store, path, deadLetter);
    const at = new Date(existing.serverNowMs).toISOString();
    const previous = existing.kind === "found" ? existing.value : undefined;
    const record: DeadLetter = {
      ...describeMessage(read),
      version: 1,
      id,
      queue,
      reason: read.kind === "broken" ? read.reason : failure.reason,
      detail:
        failure.detail === undefined
          ? undefined
          : redactText(failure.detail).slice(0, maxTextLength),
      firstSeenAt: previous?.firstSeenAt ?? at,
      lastSeenAt: at,
      occurrences: (previous?.occurrences ?? 0) + 1,
    };
    const written = await writeRecord(store, path, record, etagOf(existing));
    if (written.kind === "written") return id;
  }
}

export const deadLetterPath = (queue: DeadLetterQueue, id: string): string =>
  `${root}${queue}/${id}.json`;

function describeMessage(
  read: ReturnType<typeof readQueueMessage>,
): Pick<DeadLetter, "message" | "text" | "replayable"> {
  if (read.kind === "broken")
    return { text: redactText(read.text.slice(0, maxTextLength)), replayable: false };
  const message = redactJson(read.value) as Record<string, unknown>;
  return { message, replayable: JSON.stringify(message) === JSON.stringify(read.value) };
}

/** One page of dead letters; `next` continues after it, and is undefined on the last page. */
export interface DeadLetterPage {
  readonly letters: readonly DeadLetter[];
  readonly next: string | undefined;
}

/** Lists dead letters of one queue or of all, at most `maxCount`. */
export const listDeadLetters = async (
  store: Pick<RecordStore, "list" | "read">,
  maxCount: number,
  queue?: DeadLetterQueue,
): Promise<readonly DeadLetter[]> => (await readDeadLetterPage(store, maxCount, { queue })).letters;

/** Reads a page of dead letters in the order of their paths. */
export async function readDeadLetterPage(
  store: Pick<RecordStore, "list" | "read">,
  maxCount: number,
  {
    queue,
    after,
  }: { readonly queue?: DeadLetterQueue | undefined; readonly after?: string | undefined } = {},
): Promise<DeadLetterPage> {
  const letters: DeadLetter[] = [];
  const prefix = queue === undefined ? root : `${root}${queue}/`;
  const startAfter = after === undefined ? {} : { startAfter: `${root}${after}.json` };
  for await (const { path } of store.list(prefix, startAfter)) {
    const record = await readValue(store, path, deadLetter);
    if (record) letters.push(record);
    if (letters.length >= maxCount)
      return { letters, next: path.slice(root.length, -".json".length) };
  }
  return { letters, next: undefined };
}

/** True for a dead letter that was not replayed since it was last seen. */
export const isUnresolved = (record: DeadLetter): boolean => record.replayedAt === undefined;

export type ReplayResult = {
  readonly id: string;
  readonly outcome: "replayed" | "notReplayable" | "unknown";
};

/**
 * Puts messages back on their queue as they were, then marks them: a crash in between replays
 * twice, which is inert.
 */
export async function replayDeadLetters(
  store: RecordStore,
  queues: MessageQueues,
  requests: readonly { queue: DeadLetterQueue; id: string }[],
): Promise<ReplayResult[]> {
  const outcomes: ReplayResult[] = [];
  for (const { queue, id } of requests) {
    const path = deadLetterPath(queue, id);
    const read = await readRecord(store, path, deadLetter);
    const record = read.kind === "found" ? read.value : undefined;
    if (read.kind !== "found" || !record) {
      outcomes.push({ id, outcome: "unknown" });
    } else if (!record.replayable || !record.message) {
      outcomes.push({ id, outcome: "notReplayable" });
    } else {
      await queues.send(queue, record.message);
      await store.replace(
        path,
        { ...record, replayedAt: new Date(read.serverNowMs).toISOString() },
        read.etag,
      );
      outcomes.push({ id, outcome: "replayed" });
    }
  }
  return outcomes;
}
