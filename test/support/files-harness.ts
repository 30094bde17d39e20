/** File lookups on a virtual clock: instances over one store, queue, quota and Defender. */
import { createHash } from "node:crypto";
import type { FileInformation, FileStatistics } from "../../shared/contracts/file-result.ts";
import { fileLookupMessage, type LookupOptions } from "../../shared/contracts/file-lookup.ts";
import {
  createFileLookupService,
  type FileLookupService,
} from "../../shared/files/file-lookup-service.ts";
import type { LookupRequest } from "../../shared/files/file-jobs.ts";
import type {
  CallLimits,
  FilesEvent,
  FilesPort,
  FilesReply,
  FilesSettings,
  HuntingRowsReply,
} from "../../shared/files/ports.ts";
import type { CallLimit } from "../../shared/http-pipeline/quota/quota-state.ts";
import { createQuota } from "../../shared/http-pipeline/quota/shared-quota.ts";
import { hourMs, minuteMs } from "../../shared/runtime/time.ts";
import { createMemoryQueues, type MemoryQueues } from "./memory-queue.ts";
import {
  createMemoryRecords,
  type MemoryRecords,
  type MemoryRecordsOptions,
} from "./memory-records.ts";
import { createServerQuota, type serverModels } from "./server-quotas.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

/** The SHA-1, SHA-256 or MD5 of the n-th file. */
export const fileHash = (index: number, kind: "sha1" | "sha256" | "md5" = "sha1"): string =>
  createHash(kind).update(`file ${index}`).digest("hex");

export const statistics: FileStatistics = {
  organizationPrevalence: 3,
  organizationFirstSeen: "2026-01-01T00:00:00Z",
  organizationLastSeen: "2026-01-04T00:00:00Z",
  globalPrevalence: 705_012,
  globalFirstSeen: "2015-03-19T12:20:07.3432441Z",
  globalLastSeen: "2026-01-04T00:00:00Z",
  topFileNames: ["a.exe"],
};

export const information: FileInformation = {
  sha256: fileHash(0, "sha256"),
  size: 4_096,
  fileType: "APP",
  isPeFile: true,
  publisher: "Contoso",
  productName: null,
  signer: null,
  issuer: null,
  signerHash: null,
  isValidCertificate: null,
  determinationType: "Unknown",
  determinationValue: null,
};

export const plainOptions: LookupOptions = {
  lookBackHours: 720,
  information: false,
  where: false,
  all: false,
};

/** A request for hashes, as a function makes it. */
export const requestFor = (
  hashes: readonly string[],
  more: Partial<LookupRequest> & { options?: LookupOptions } = {},
): LookupRequest => ({
  requested: hashes.map((hash) => ({
    hash,
    kind: hash.length === 40 ? "sha1" : hash.length === 64 ? "sha256" : "md5",
  })),
  skipped: [],
  options: plainOptions,
  ...more,
});

export interface FilesHarnessOptions {
  readonly model?: (typeof serverModels)[number];
  readonly instances?: number;
  readonly settings?: Partial<FilesSettings>;
  /** The reply of Defender to a hash; `undefined` lets it answer. */
  readonly fault?: (hash: string) => FilesReply<never> | undefined;
  readonly findStatistics?: (hash: string) => FileStatistics | undefined;
  readonly hunting?: (query: string) => HuntingRowsReply;
  readonly records?: Omit<MemoryRecordsOptions, "clock">;
  readonly failpoint?: (name: string) => void | Promise<void>;
  /** @default false. Whether the quota paces the calls. */
  readonly isPaced?: boolean;
}

export interface FilesHarness {
  readonly clock: VirtualClock;
  readonly records: MemoryRecords;
  readonly queues: MemoryQueues;
  readonly service: FileLookupService;
  readonly services: readonly FileLookupService[];
  readonly calls: {
    readonly atMs: number;
    readonly hash: string;
    readonly api: "statistics" | "information";
  }[];
  readonly huntingCalls: string[];
  readonly events: FilesEvent[];
  readonly countRejections: () => number;
  /** Handles all messages of the queue, with this number of workers per instance. */
  readonly drainQueue: (workers?: number) => Promise<void>;
  /** A new process over the same store. */
  readonly restart: (failpoint?: (name: string) => void | Promise<void>) => FileLookupService;
}

const perMinute = 100;
const perHour = 1_500;
const limits: readonly CallLimit[] = [
  { calls: perMinute, perMs: minuteMs },
  { calls: perHour, perMs: hourMs },
];
const networkDelayMs = 150;
const callMs = 250;

export function filesHarness(options: FilesHarnessOptions = {}): FilesHarness {
  const clock = createVirtualClock();
  const records = createMemoryRecords({ clock, ...options.records });
  const queues = createMemoryQueues(clock);
  const calls: FilesHarness["calls"] = [];
  const huntingCalls: string[] = [];
  const events: FilesEvent[] = [];
  const server = createServerQuota(options.model ?? "sliding", limits);
  let rejections = 0;
  let seed = 1;
  // A fixed sequence of numbers: each run is the same.
  const nextRandom = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  let attemptCount = 0;

  const createFilesPort = (): FilesPort => {
    const quota = createQuota({
      api: "files",
      store: records,
      clock,
      log: () => undefined,
      limits,
      random: nextRandom,
    });
    const callDefender = async <T>(
      api: "statistics" | "information",
      hash: string,
      { permit, maxWaitMs }: CallLimits,
      createReply: () => FilesReply<T>,
    ): Promise<FilesReply<T>> => {
      if (options.isPaced === true) {
        // As the HTTP pipeline does: a permit that has expired is replaced.
        const isUsable = permit !== undefined && permit.usableUntilMs >= clock.now();
        const permitResult = isUsable
          ? { kind: "permit" as const }
          : await quota.acquirePermit({ maxWaitMs: maxWaitMs });
        if (permitResult.kind === "later")
          return { kind: "later", retryAfterMs: permitResult.retryAfterMs, unsent: true };
        await clock.sleep(nextRandom() * networkDelayMs);
        if (!server(clock.now())) {
          rejections += 1;
          await quota.report({ kind: "throttled", retryAfterMs: minuteMs, cause: "calls" });
          return { kind: "later", retryAfterMs: minuteMs };
        }
      }
      calls.push({ atMs: clock.now(), hash, api });
      await clock.sleep(callMs);
      return options.fault?.(hash) ?? createReply();
    };
    const findStatistics = options.findStatistics ?? (() => statistics);
    return {
      acquirePermit: async (waitMs) => {
        if (options.isPaced !== true)
          return { kind: "permit", permit: { usableUntilMs: Infinity } };
        const outcome = await quota.acquirePermit({ maxWaitMs: waitMs });
        return outcome.kind === "permit"
          ? outcome
          : { kind: "later", retryAfterMs: outcome.retryAfterMs };
      },
      statistics: (sha1, _hours, callLimits) =>
        callDefender("statistics", sha1, callLimits, () => {
          const value = findStatistics(sha1);
          return value ? { kind: "found", value } : { kind: "notFound" };
        }),
      information: (hash, callLimits) =>
        callDefender("information", hash, callLimits, () => {
          const sha1 =
            hash.length === 40 ? hash : createHash("sha1").update(`of ${hash}`).digest("hex");
          return findStatistics(hash)
            ? { kind: "found", value: { sha1, information } }
            : { kind: "notFound" };
        }),
    };
  };

  const startService = (
    failpoint: (name: string) => void | Promise<void> = () => undefined,
  ): FileLookupService =>
    createFileLookupService({
      records,
      queues,
      files: createFilesPort(),
      hunting: {
        runQuery: async (query) => {
          huntingCalls.push(query);
          await clock.sleep(3_000);
          return options.hunting?.(query) ?? { kind: "failed" };
        },
      },
      clock,
      createAttemptId: () => `attempt-${(attemptCount += 1)}`,
      failpoint,
      logEvent: (event) => events.push(event),
      settings: {
        foundAgeMs: 6 * hourMs,
        notFoundAgeMs: hourMs,
        bulkThreshold: 20_000,
        callsPerMinute: perMinute,
        callsPerHour: perHour,
        ...options.settings,
      },
    });

  const services = Array.from({ length: options.instances ?? 1 }, () =>
    startService(options.failpoint),
  );
  const [service] = services;
  if (!service) throw new RangeError("want at least one instance");
  return {
    clock,
    records,
    queues,
    service,
    services,
    calls,
    huntingCalls,
    events,
    countRejections: () => rejections,
    drainQueue: async (workers = 4) => {
      await Promise.all(
        services.map((each) =>
          queues.drain("file-lookups", workers, (message) =>
            each.handleMessage(fileLookupMessage.parse(message)),
          ),
        ),
      );
    },
    restart: startService,
  };
}

/**
 * Hunting over the same Defender: `FileProfile()` knows every file, the organisation saw the even
 * ones.
 */
export function answerHunting(query: string): HuntingRowsReply {
  const [, key = "", list = ""] = /datatable\((SHA1|SHA256):string\)\[([^\]]*)\]/.exec(query) ?? [];
  const hashes = list.split(",").map((literal) => literal.slice(1, -1));
  if (query.includes("FileProfile"))
    return {
      kind: "rows",
      rows: hashes.map((hash) => ({
        SHA1: key === "SHA1" ? hash : createHash("sha1").update(`of ${hash}`).digest("hex"),
        SHA256: key === "SHA256" ? hash : null,
        GlobalPrevalence: 705_012,
        GlobalFirstSeen: "2015-03-19T12:20:07.3432441Z",
        ProfileAvailability: "Available",
      })),
    };
  return {
    kind: "rows",
    rows: hashes.map((hash) => ({
      SHA1: hash,
      OrganizationPrevalence: 3,
      TopFileNames: '["a.exe"]',
    })),
  };
}
