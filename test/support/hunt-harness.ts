/** The hunts room with everything around it in memory and on a virtual clock. */
import type { HuntPorts } from "../../shared/hunts/ports.ts";
import type { QueueName } from "../../shared/storage/record-store.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import { huntSource, type HuntSource, type HuntSourceOptions } from "./hunt-source.ts";
import { memoryExports, type MemoryExports } from "./memory-exports.ts";
import { memoryRecords, type MemoryRecords } from "./memory-records.ts";
import { virtualClock, type VirtualClock } from "./virtual-clock.ts";

/** A message that was put on a queue. */
export interface Sent {
  readonly queue: QueueName;
  readonly message: object;
  readonly delaySeconds: number;
}

/** One event of telemetry. */
export interface Told {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface HuntRoom {
  /** A test may put others in their place. */
  ports: HuntPorts;
  readonly clock: VirtualClock;
  readonly source: HuntSource;
  readonly exports: MemoryExports;
  readonly records: MemoryRecords;
  readonly sent: Sent[];
  readonly told: Told[];
  /** Points reached, in order. */
  readonly reached: string[];
}

/** 2026-01-05T12:00:00Z. */
export const noonMs = Date.UTC(2026, 0, 5, 12);

export function huntRoom(
  options: Omit<HuntSourceOptions, "clock"> & { startMs?: number } = {},
): HuntRoom {
  const clock = virtualClock(options.startMs ?? noonMs);
  const source = huntSource({ ...options, clock });
  const exports = memoryExports({ clock });
  const records = memoryRecords({ clock });
  const sent: Sent[] = [];
  const told: Told[] = [];
  const reached: string[] = [];
  let attempts = 0;
  const ports: HuntPorts = {
    hunting: source,
    exports,
    records,
    queues: {
      send: async (queue, message, { delaySeconds = 0 } = {}) =>
        void sent.push({ queue, message, delaySeconds }),
    },
    log: (event, fields = {}) => void told.push({ event, fields }),
    reach: (point) => void reached.push(point),
    nowMs: clock.now,
    attemptId: () => `attempt-${(attempts += 1)}`,
    portalLink: (query) => `https://portal.example/${encodeURIComponent(query)}`,
    enrich: async () => new Map(),
  };
  return { ports, clock, source, exports, records, sent, told, reached };
}

/** An order of `test-hunt`, due now. */
export const orderNow = (room: HuntRoom, change: Partial<HuntRun> = {}): HuntRun => ({
  hunt: "test-hunt",
  reason: "timer",
  scheduledFor: new Date(room.clock.now()).toISOString(),
  ...change,
});

/** The rows of every export of the hunt's own log and its late rows, sorted. */
export const exportedLines = ({ exports }: Pick<HuntRoom, "exports">): string[] =>
  exports
    .all()
    .filter(({ path }) => !path.includes("/backfill/"))
    .flatMap(({ lines }) => lines)
    .toSorted();
