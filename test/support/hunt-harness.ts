/** The hunts room with everything around it in memory and on a virtual clock. */
import type { HuntDeps } from "../../shared/hunts/ports.ts";
import type { QueueName } from "../../shared/storage/record-store.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import { huntSource, type HuntSource, type HuntSourceOptions } from "./hunt-source.ts";
import { memoryExports, type MemoryExports } from "./memory-exports.ts";
import { createMemoryRecords, type MemoryRecords } from "./memory-records.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

/** A message that was put on a queue. */
export interface SentMessage {
  readonly queue: QueueName;
  readonly message: object;
  readonly delaySeconds: number;
}

/** One event of telemetry. */
export interface LoggedEvent {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface HuntHarness {
  /** A test may put others in their place. */
  deps: HuntDeps;
  readonly clock: VirtualClock;
  readonly source: HuntSource;
  readonly exports: MemoryExports;
  readonly records: MemoryRecords;
  readonly sentMessages: SentMessage[];
  readonly loggedEvents: LoggedEvent[];
  /** Points reached, in order. */
  readonly reachedFailpoints: string[];
}

/** 2026-01-05T12:00:00Z. */
export const noonMs = Date.UTC(2026, 0, 5, 12);

export function huntHarness(
  options: Omit<HuntSourceOptions, "clock"> & { startMs?: number } = {},
): HuntHarness {
  const clock = createVirtualClock(options.startMs ?? noonMs);
  const source = huntSource({ ...options, clock });
  const exports = memoryExports({ clock });
  const records = createMemoryRecords({ clock });
  const sentMessages: SentMessage[] = [];
  const loggedEvents: LoggedEvent[] = [];
  const reachedFailpoints: string[] = [];
  let attempts = 0;
  const deps: HuntDeps = {
    hunting: source,
    exports,
    records,
    queues: {
      send: async (queue, message, { delaySeconds = 0 } = {}) =>
        void sentMessages.push({ queue, message, delaySeconds }),
    },
    logEvent: (event, fields = {}) => void loggedEvents.push({ event, fields }),
    failpoint: (point) => void reachedFailpoints.push(point),
    nowMs: clock.now,
    createAttemptId: () => `attempt-${(attempts += 1)}`,
    createPortalLink: (query) => `https://portal.example/${encodeURIComponent(query)}`,
    findFileStatistics: async () => new Map(),
  };
  return { deps, clock, source, exports, records, sentMessages, loggedEvents, reachedFailpoints };
}

/** An order of `test-hunt`, due now. */
export const createRunMessage = (harness: HuntHarness, change: Partial<HuntRun> = {}): HuntRun => ({
  hunt: "test-hunt",
  reason: "timer",
  scheduledFor: new Date(harness.clock.now()).toISOString(),
  ...change,
});

/** The rows of every export of the hunt's own log and its late rows, sorted. */
export const listExportedLines = ({ exports }: Pick<HuntHarness, "exports">): string[] =>
  exports
    .listAll()
    .filter(({ path }) => !path.includes("/backfill/"))
    .flatMap(({ lines }) => lines)
    .toSorted();
