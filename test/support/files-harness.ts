/** The files room on a virtual clock: one or more instances over one store, one queue, one quota and one Defender. */
import { createHash } from "node:crypto";
import type { FileInformation, FileStatistics } from "../../shared/contracts/file-result.ts";
import { fileLookupMessage, type LookupOptions } from "../../shared/contracts/file-lookup.ts";
import { openFilesDesk, type FilesDesk } from "../../shared/files/file-lookup-service.ts";
import type { FileQuestion } from "../../shared/files/file-jobs.ts";
import type {
  CallLimits,
  FilesEvent,
  FilesPort,
  FilesReply,
  FilesSettings,
  HuntingRowsReply,
} from "../../shared/files/ports.ts";
import type { CallLimit } from "../../shared/http-pipeline/quota/quota-state.ts";
import { openQuota } from "../../shared/http-pipeline/quota/shared-quota.ts";
import { hourMs, minuteMs } from "../../shared/runtime/time.ts";
import { memoryQueues, type MemoryQueues } from "./memory-queue.ts";
import { memoryRecords, type MemoryRecords, type MemoryRecordsOptions } from "./memory-records.ts";
import { serverQuota, type serverModels } from "./server-quotas.ts";
import { virtualClock, type VirtualClock } from "./virtual-clock.ts";

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

/** A question about hashes, as a door would put it. */
export const questionAbout = (
  hashes: readonly string[],
  more: Partial<FileQuestion> & { options?: LookupOptions } = {},
): FileQuestion => ({
  asked: hashes.map((hash) => ({
    hash,
    kind: hash.length === 40 ? "sha1" : hash.length === 64 ? "sha256" : "md5",
  })),
  skipped: [],
  options: plainOptions,
  ...more,
});

export interface FilesRoomOptions {
  readonly model?: (typeof serverModels)[number];
  readonly instances?: number;
  readonly settings?: Partial<FilesSettings>;
  /** What Defender says of a hash before it looks; `undefined` lets it answer. */
  readonly fault?: (hash: string) => FilesReply<never> | undefined;
  readonly known?: (hash: string) => FileStatistics | undefined;
  readonly hunting?: (query: string) => HuntingRowsReply;
  readonly records?: Omit<MemoryRecordsOptions, "clock">;
  readonly reach?: (name: string) => void | Promise<void>;
  /** Without it every call is answered at once, with no quota. */
  readonly paced?: boolean;
}

export interface FilesRoom {
  readonly clock: VirtualClock;
  readonly records: MemoryRecords;
  readonly queues: MemoryQueues;
  readonly desk: FilesDesk;
  readonly desks: readonly FilesDesk[];
  readonly calls: {
    readonly atMs: number;
    readonly hash: string;
    readonly what: "statistics" | "information";
  }[];
  readonly huntingCalls: string[];
  readonly events: FilesEvent[];
  readonly rejections: () => number;
  /** Works the queue off with so many workers an instance. */
  readonly drain: (workers?: number) => Promise<void>;
  /** A new process over the same store. */
  readonly restarted: (reach?: (name: string) => void | Promise<void>) => FilesDesk;
}

const perMinute = 100;
const perHour = 1_500;
const limits: readonly CallLimit[] = [
  { calls: perMinute, perMs: minuteMs },
  { calls: perHour, perMs: hourMs },
];
const wayMs = 150;
const answerMs = 250;

export function filesRoom(options: FilesRoomOptions = {}): FilesRoom {
  const clock = virtualClock();
  const records = memoryRecords({ clock, ...options.records });
  const queues = memoryQueues(clock);
  const calls: FilesRoom["calls"] = [];
  const huntingCalls: string[] = [];
  const events: FilesEvent[] = [];
  const server = serverQuota(options.model ?? "sliding", limits);
  let rejections = 0;
  let drawn = 1;
  // A fixed row of numbers: each run is the same.
  const random = (): number => (drawn = (drawn * 16_807) % 2_147_483_647) / 2_147_483_647;
  let attempts = 0;

  const filesPort = (): FilesPort => {
    const quota = openQuota({
      api: "files",
      store: records,
      clock,
      log: () => undefined,
      limits,
      random,
    });
    const ask = async <T>(
      what: "statistics" | "information",
      hash: string,
      { turn: given, waitForTurnMs }: CallLimits,
      answer: () => FilesReply<T>,
    ): Promise<FilesReply<T>> => {
      if (options.paced === true) {
        // As the pipe does: a turn that has become too old is taken anew.
        const usable = given !== undefined && given.usableUntilMs >= clock.now();
        const turn = usable
          ? { kind: "turn" as const }
          : await quota.take({ waitMs: waitForTurnMs });
        if (turn.kind === "later")
          return { kind: "later", retryAfterMs: turn.retryAfterMs, unsent: true };
        await clock.sleep(random() * wayMs);
        if (!server(clock.now())) {
          rejections += 1;
          await quota.report({ kind: "throttled", retryAfterMs: minuteMs, cause: "calls" });
          return { kind: "later", retryAfterMs: minuteMs };
        }
      }
      calls.push({ atMs: clock.now(), hash, what });
      await clock.sleep(answerMs);
      return options.fault?.(hash) ?? answer();
    };
    const known = options.known ?? (() => statistics);
    return {
      turn: async (waitMs) => {
        if (options.paced !== true) return { kind: "turn", turn: { usableUntilMs: Infinity } };
        const outcome = await quota.take({ waitMs });
        return outcome.kind === "turn"
          ? outcome
          : { kind: "later", retryAfterMs: outcome.retryAfterMs };
      },
      statistics: (sha1, _hours, callLimits) =>
        ask("statistics", sha1, callLimits, () => {
          const value = known(sha1);
          return value ? { kind: "found", value } : { kind: "not-found" };
        }),
      information: (hash, callLimits) =>
        ask("information", hash, callLimits, () => {
          const sha1 =
            hash.length === 40 ? hash : createHash("sha1").update(`of ${hash}`).digest("hex");
          return known(hash)
            ? { kind: "found", value: { sha1, information } }
            : { kind: "not-found" };
        }),
    };
  };

  const start = (reach: (name: string) => void | Promise<void> = () => undefined): FilesDesk =>
    openFilesDesk({
      records,
      queues,
      files: filesPort(),
      hunting: {
        ask: async (query) => {
          huntingCalls.push(query);
          await clock.sleep(3_000);
          return options.hunting?.(query) ?? { kind: "failed" };
        },
      },
      clock,
      newAttempt: () => `attempt-${(attempts += 1)}`,
      reach,
      note: (event) => events.push(event),
      settings: {
        foundAgeMs: 6 * hourMs,
        notFoundAgeMs: hourMs,
        bulkFrom: 20_000,
        callsPerMinute: perMinute,
        callsPerHour: perHour,
        ...options.settings,
      },
    });

  const desks = Array.from({ length: options.instances ?? 1 }, () => start(options.reach));
  const [desk] = desks;
  if (!desk) throw new RangeError("want at least one instance");
  return {
    clock,
    records,
    queues,
    desk,
    desks,
    calls,
    huntingCalls,
    events,
    rejections: () => rejections,
    drain: async (workers = 4) => {
      await Promise.all(
        desks.map((each) =>
          queues.drain("file-lookups", workers, (message) =>
            each.work(fileLookupMessage.parse(message)),
          ),
        ),
      );
    },
    restarted: start,
  };
}

/** Hunting over the same Defender: `FileProfile()` knows every file, the organisation saw the even ones. */
export function huntingAnswers(query: string): HuntingRowsReply {
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
