/** The hunts module with its dependencies in memory and on a virtual clock. */
import type { HuntDeps } from "../../shared/hunts/ports.ts";
import type { QueueName, RecordStore } from "../../shared/storage/record-store.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import type { CompiledHunt } from "../../shared/contracts/compiled-hunt.ts";
import { handleRunMessage } from "../../shared/hunts/run/handle-run-message.ts";
import { hourMs } from "../../shared/runtime/time.ts";
import { sourceRow, huntSource, type HuntSource, type HuntSourceOptions } from "./hunt-source.ts";
import { memoryExports, type MemoryExports } from "./memory-exports.ts";
import { createMemoryRecords, type MemoryRecords } from "./memory-records.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

/** A message that was put on a queue. */
interface SentMessage {
  readonly queue: QueueName;
  readonly message: object;
  readonly delaySeconds: number;
}

/** One event of telemetry. */
interface LoggedEvent {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface HuntHarness {
  /** A test may replace them. */
  deps: HuntDeps;
  readonly clock: VirtualClock;
  readonly source: HuntSource;
  readonly exports: MemoryExports;
  readonly records: MemoryRecords;
  readonly sentMessages: SentMessage[];
  readonly loggedEvents: LoggedEvent[];
  /** Failpoints passed, in order. */
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
    tenant: "default",
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

/** Creates a run message of `test-hunt` that is due now. */
export const createRunMessage = (harness: HuntHarness, change: Partial<HuntRun> = {}): HuntRun => ({
  hunt: "test-hunt",
  reason: "timer",
  scheduledFor: new Date(harness.clock.now()).toISOString(),
  ...change,
});

/** A harness whose hunt has exported one row, with its message of results taken out. */
export async function startExportedHunt(hunt: CompiledHunt): Promise<HuntHarness> {
  const harness = huntHarness();
  harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
  await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
  harness.sentMessages.length = 0;
  return harness;
}

/** A store in which no lease ever blocks: several instances run one hunt at once. */
export const ignoreLeases = (records: RecordStore): RecordStore => ({
  ...records,
  read: async (path) =>
    path.endsWith("/lease.json") ? { kind: "absent", serverNowMs: 0 } : records.read(path),
  create: async (path, value) =>
    path.endsWith("/lease.json")
      ? { kind: "written", etag: "lease", serverNowMs: 0 }
      : records.create(path, value),
  replace: async (path, value, etag) =>
    path.endsWith("/lease.json")
      ? { kind: "written", etag: "lease", serverNowMs: 0 }
      : records.replace(path, value, etag),
});

/** Lists the rows of every export of the hunt's own log and its late rows, sorted. */
export const listExportedLines = ({ exports }: Pick<HuntHarness, "exports">): string[] =>
  exports
    .listAll()
    .filter(({ path }) => !path.includes("/hl_log=backfill/"))
    .flatMap(({ lines }) => lines)
    .toSorted();
