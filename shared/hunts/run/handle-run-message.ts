/** Carries out one message of the queue `hunt-runs`: who may run, what came of it, and what goes on by message. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntRun } from "../../contracts/hunt-run.ts";
import {
  formatInstant,
  minuteMs,
  parseInstant,
  secondMs,
  ticksFromMs,
  type Span,
  type Ticks,
} from "../../runtime/time.ts";
import { runBackfill } from "./backfill.ts";
import { claimHunt } from "./lease.ts";
import { endHuntJob } from "./hunt-jobs.ts";
import type { HuntPorts } from "../ports.ts";
import { runLog, type Ran } from "./run-hunt.ts";
import { clearWaiting, enqueueRun, isOtherWaiting } from "./run-queue.ts";
import { findingOf, heldUntil, readStatus, writeStatus, type Finding } from "./status.ts";

/** What a run has come to, for the log. */
export type OrderOutcome =
  | "done"
  | "continues"
  | "held"
  | "taken"
  | "degraded"
  | "refused"
  | "failing";

/** Somebody waits for this run, and has waited for the one before: it goes on beside it, which costs quota, not rows. */
const isImpatient = ({ job, waits = 0 }: HuntRun): boolean => job !== undefined && waits > 0;

/** Most runs take seconds: whoever finds a hunt taken looks again this soon, also when its runner has died. */
const lookAgainMs = 10 * secondMs;

/** How long to wait before the next try, after so many failures in a row: 30 s, doubling to 15 min. */
export const backOffMs = (failures: number): number =>
  Math.min(15 * minuteMs, 30 * secondMs * 2 ** Math.min(failures, 10));

/** A failure that has lasted this many tries, more than a day, is the platform's to judge: the message goes to poison. */
const mostFailures = 120;

/**
 * Runs a hunt as ordered. Trouble of the outside is noted and tried again by message, never thrown, so that an outage
 * poisons nothing.
 *
 * @throws whatever keeps even the message of the next try from being sent
 */
export async function carryOut(
  ports: HuntPorts,
  hunt: CompiledHunt,
  order: HuntRun,
): Promise<OrderOutcome> {
  const startMs = ports.nowMs();
  const report = await attempt(ports, hunt, order).catch(
    async (error: unknown): Promise<Report> => {
      const failures = (order.failures ?? 0) + 1;
      if (failures > mostFailures) throw error;
      await tryAgain(ports, order, failures);
      return { outcome: "failing", ran: undefined };
    },
  );
  const { outcome, ran } = report;
  const rows = ran?.records.reduce((sum, { metadata }) => sum + metadata.rows, 0);
  ports.log("hunt.run", {
    hunt: hunt.name,
    reason: order.reason,
    outcome,
    windows: ran?.records.length,
    rows,
    calls: ran?.calls,
    version: ran?.version,
    attempts: order.failures,
    durationMs: ports.nowMs() - startMs,
  });
  await ports.reach("E16 before message delete");
  return outcome;
}

interface Report {
  readonly outcome: OrderOutcome;
  readonly ran: Ran | undefined;
}

/** Without the storage clock, which may be what fails: the note of a waiting run is left out. */
async function tryAgain(ports: HuntPorts, order: HuntRun, failures: number): Promise<void> {
  const again: HuntRun = { ...order, reason: "continue", failures };
  await ports.queues.send("hunt-runs", again, { delaySeconds: backOffMs(failures) / secondMs });
  await ports.reach("E15 continuation enqueued");
}

async function attempt(ports: HuntPorts, hunt: CompiledHunt, order: HuntRun): Promise<Report> {
  const serverNow = ticksFromMs(await ports.exports.serverNowMs());
  const status = await readStatus(ports, hunt.name);
  if (heldUntil(status.value, hunt, order.reason, serverNow) !== undefined) {
    await clearWaiting(ports, hunt.name);
    await endHuntJob(
      ports,
      order,
      { outcome: "failed", reason: status.value?.reason ?? "held" },
      serverNow,
    );
    return { outcome: "held", ran: undefined };
  }
  const claim = await claimHunt(ports, hunt.name, serverNow, isImpatient(order));
  if (claim.kind === "taken") {
    // The other runner may die: this order must not vanish with it. Where it does not, the order will find its work done.
    const waits = (order.waits ?? 0) + 1;
    await goOn(
      ports,
      { ...order, waits },
      serverNow,
      Math.min(claim.waitMs, lookAgainMs),
      order.failures,
    );
    return { outcome: "taken", ran: undefined };
  }
  try {
    await clearWaiting(ports, hunt.name);
    const ran = await run(ports, hunt, order, serverNow);
    const finding = findingFor(ran);
    if (finding) await writeStatus(ports, hunt, status, finding, serverNow);
    return { outcome: await conclude(ports, hunt, order, ran, serverNow), ran };
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : "unknown failure";
    await writeStatus(ports, hunt, status, { state: "failing", reason }, serverNow).catch(
      () => undefined,
    );
    throw error;
  } finally {
    await claim.release().catch(() => undefined);
  }
}

async function run(
  ports: HuntPorts,
  hunt: CompiledHunt,
  order: HuntRun,
  serverNow: Ticks,
): Promise<Ran> {
  const span = backfillSpan(order);
  if (!span) return runLog(ports, hunt, order, serverNow);
  return { ...(await runBackfill(ports, hunt, span)), version: 0 };
}

function backfillSpan({ backfill }: HuntRun): Span | undefined {
  const from = backfill && parseInstant(backfill.from);
  const to = backfill && parseInstant(backfill.to);
  return from === undefined || to === undefined ? undefined : { from, to };
}

/** What the run says of the hunt; `undefined` when it says nothing new. */
function findingFor({ ending, unclear }: Ran): Finding | undefined {
  switch (ending.kind) {
    case "done":
      return unclear
        ? { state: "degraded", reason: unclear.reason, span: unclear.span, holds: false }
        : { state: "ok", reason: "" };
    case "degraded":
      return { state: "degraded", reason: ending.reason, span: ending.span };
    case "refused":
      return findingOf(ending);
    case "failed":
      return { state: "failing", reason: ending.message };
    case "later":
    case "theirs":
      return undefined;
  }
}

/** Sends what goes on by message, or tells the job how it ended. */
async function conclude(
  ports: HuntPorts,
  hunt: CompiledHunt,
  order: HuntRun,
  { ending, records, tip }: Ran,
  serverNow: Ticks,
): Promise<OrderOutcome> {
  switch (ending.kind) {
    case "done":
      await endHuntJob(ports, order, { outcome: "done", records, tip }, serverNow);
      return "done";
    case "later":
      await goOn(ports, order, serverNow, ending.retryAfterMs, order.failures);
      return "continues";
    case "theirs":
      await goOn(ports, order, serverNow, ending.waitMs, order.failures);
      return "continues";
    case "failed": {
      const failures = (order.failures ?? 0) + 1;
      await goOn(ports, order, serverNow, backOffMs(failures), failures);
      return "failing";
    }
    case "degraded":
      tellDegraded(ports, hunt, ending.reason, ending.span);
      await endHuntJob(ports, order, { outcome: "failed", reason: ending.reason }, serverNow);
      return "degraded";
    case "refused":
      tellDegraded(ports, hunt, `${ending.cause} refused`, undefined);
      await endHuntJob(ports, order, { outcome: "failed", reason: ending.message }, serverNow);
      return "refused";
  }
}

function tellDegraded(
  ports: HuntPorts,
  hunt: CompiledHunt,
  cause: string,
  span: Span | undefined,
): void {
  const window = span && `${formatInstant(span.from)}/${formatInstant(span.to)}`;
  ports.log("hunt.degraded", { hunt: hunt.name, cause, window });
}

async function goOn(
  ports: HuntPorts,
  order: HuntRun,
  serverNow: Ticks,
  delayMs: number,
  failures: number | undefined,
): Promise<void> {
  // Orders that nobody waits for merge into one, or every pause would leave one more on the queue.
  if (order.job === undefined && (await isOtherWaiting(ports, order, serverNow))) return;
  const again: HuntRun = {
    ...order,
    reason: "continue",
    ...(failures === undefined ? {} : { failures }),
  };
  await enqueueRun(ports, again, serverNow, delayMs);
  await ports.reach("E15 continuation enqueued");
}
