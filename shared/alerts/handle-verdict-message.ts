/** One queue message at the desk: write down, close while turns last, go back to wait for the rest. Never throws for the outside's sake. */
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { minuteMs, secondMs } from "../runtime/time.ts";
import { alertRecord, isSettled, recordPath } from "./alert-record.ts";
import { countWaiting } from "./claim.ts";
import { closeGroup } from "./close-group.ts";
import { inParallel } from "../runtime/concurrency.ts";
import type { VerdictDesk } from "./ports.ts";
import { writeDown } from "./record-verdicts.ts";

/** What became of the message. `deferred`: a copy waits on the queue, this one is done with. */
export type Handled =
  | { readonly kind: "finished" }
  | { readonly kind: "deferred"; readonly delaySeconds: number };

/** A message is worked on for so long; then a copy goes back. */
const budgetMs = minuteMs;
const waitForTurnMs = 2 * secondMs;
/** Behind a deep queue a short batch waits so often, so long, for the call to fill. */
const fillWaits = 3;
const fillDelaySeconds = 10;
const fullCall = 100;
/** Others hold this message's alerts: their call and its accounting take seconds. */
const othersDelaySeconds = 5;
const longestDelaySeconds = 15 * 60;

export async function handleVerdict(desk: VerdictDesk, message: VerdictMessage): Promise<Handled> {
  await desk.reach("A1 dequeued");
  const waitMs = await desk.readyInMs();
  if (waitMs > 0) return defer(desk, message, Math.ceil(waitMs / secondMs));
  const deadline = desk.clock.now() + budgetMs;
  const groups = new Map<string, string[]>();
  for (const [id, noted] of await writeDown(desk, message))
    if (noted.kind === "waiting") groups.set(noted.group, [...(groups.get(noted.group) ?? []), id]);
  for (const [group, ids] of groups) {
    const waitSeconds = await closeMine(desk, message, group, ids, deadline);
    if (waitSeconds !== undefined) return defer(desk, message, waitSeconds);
  }
  await desk.reach("A10 before message delete");
  return { kind: "finished" };
}

/** @returns how long the message had better wait, in seconds; `undefined` when all its alerts of the group are settled */
async function closeMine(
  desk: VerdictDesk,
  message: VerdictMessage,
  group: string,
  ids: readonly string[],
  deadline: number,
): Promise<number | undefined> {
  if (await worthWaiting(desk, message, group)) return fillDelaySeconds;
  while (desk.clock.now() < deadline) {
    const turn = await closeGroup(desk, group, waitForTurnMs);
    if (turn.kind === "later") return Math.ceil(turn.retryAfterMs / secondMs);
    if (await allSettled(desk, ids)) return undefined;
    if (turn.kind === "idle") return othersDelaySeconds;
  }
  return 1;
}

/** True while more of the same may come soon and fill the call: a turn spent on few alerts is a turn lost for many. */
async function worthWaiting(
  desk: VerdictDesk,
  message: VerdictMessage,
  group: string,
): Promise<boolean> {
  if ((message.deferred ?? 0) >= fillWaits) return false;
  if ((await desk.queues.depth("alert-verdicts")) <= fullCall) return false;
  return (await countWaiting(desk, group)) < fullCall;
}

async function allSettled(desk: VerdictDesk, ids: readonly string[]): Promise<boolean> {
  let settled = 0;
  await inParallel(ids, async (id) => {
    const read = await desk.store.read(recordPath(id));
    const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
    if (record && isSettled(record)) settled += 1;
  });
  return settled === ids.length;
}

/** Puts a copy back with a delay instead of throwing: a throw would cost one of the message's five lives. */
async function defer(
  desk: VerdictDesk,
  message: VerdictMessage,
  wantedSeconds: number,
): Promise<Handled> {
  const delaySeconds = Math.min(Math.max(wantedSeconds, 1), longestDelaySeconds);
  await desk.queues.send(
    "alert-verdicts",
    { ...message, deferred: (message.deferred ?? 0) + 1 },
    { delaySeconds },
  );
  await desk.reach("A9 deferred copy enqueued");
  return { kind: "deferred", delaySeconds };
}
