/** The webhooks room over memory: records, queues, secrets, lookups and hunts, on one virtual clock. */
import { createHash } from "node:crypto";
import { noteVerdict } from "../../shared/alerts/verdict-requests.ts";
import { isWithin } from "../../shared/clients/addresses.ts";
import type { Problem } from "../../shared/http/problem.ts";
import { openAllowance } from "../../shared/webhooks/allowance.ts";
import { openFairShare, type FairShare } from "../../shared/webhooks/fair-share.ts";
import { openKeyring } from "../../shared/webhooks/keys.ts";
import type { Mappings } from "../../shared/webhooks/mapping.ts";
import type { TokenClaims } from "../../shared/webhooks/authenticate.ts";
import { receive, type Received, type WebhookPorts } from "../../shared/webhooks/receive.ts";
import { readSource } from "../../shared/webhooks/sources.ts";
import { memoryQueues } from "./memory-queue.ts";
import { memoryRecords, type MemoryRecordsOptions } from "./memory-records.ts";
import { virtualClock } from "./virtual-clock.ts";
import { bodyHeaders, standardHeaders, standardKey, type SentHeaders } from "./webhook-senders.ts";

/** What a test sets differently. */
export interface WebhookRoomOptions {
  readonly sources?: Readonly<Record<string, unknown>>;
  readonly mappings?: Mappings;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly claims?: TokenClaims;
  /** How far the machine's clock is ahead of the storage's, ms. */
  readonly aheadMs?: number;
  readonly verdictsPerDay?: number;
  readonly share?: FairShare;
  readonly reach?: (point: string) => Promise<void>;
  readonly store?: Pick<MemoryRecordsOptions, "before" | "after">;
}

export const theKey = standardKey();
const hubKey = "a shared secret of some length";
export const tenantId = "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7001";

/** A sound payload of the mapping below: a closed case with Cloud Apps alerts. */
export const soundEvent = (alerts = 1, change: object = {}): object => ({
  id: "case-1",
  title: "Impossible travel",
  state: "closed",
  verdict: "malicious",
  alerts: Array.from({ length: alerts }, (_, index) => ({ id: alertHex(index) })),
  ...change,
});

export const alertHex = (index: number): string =>
  `603e4f1b2c3d4e5f${index.toString(16).padStart(8, "0")}`;

export const testMapping: Mappings = {
  test: {
    required: ["/id"],
    title: ["/title"],
    verdict: {
      alertIds: ["/alerts/*/id"],
      closed: { at: ["/state"], words: ["closed"] },
      classification: ["/verdict"],
      closings: [
        { action: "resolve", words: ["malicious"] },
        { action: "dismiss", reason: "not_accurate", words: ["false"] },
      ],
      comment: ["/comment"],
      by: ["/by"],
    },
  },
};

export function webhookRoom(options: WebhookRoomOptions = {}) {
  const clock = virtualClock();
  const records = memoryRecords({ clock, ...options.store });
  const queues = memoryQueues(clock);
  const sources: Readonly<Record<string, unknown>> = {
    test: { proof: "standard", mapping: "test" },
    hub: { proof: "body-hmac", mapping: "test" },
    ...options.sources,
  };
  const secrets = new Map(
    Object.entries({ "webhook-test": theKey, "webhook-hub": hubKey, ...options.secrets }),
  );
  const cost = { secrets: 0, clocks: 0, claims: 0 };
  const refused: { source: string; status: number; cause: string }[] = [];
  const started: { hunt: string; key: string }[] = [];
  const woken: string[] = [];
  const nowMs = (): number => clock.now() + (options.aheadMs ?? 0);
  const ports: WebhookPorts = {
    source: (name) => {
      const read = readSource(sources, name, options.mappings ?? testMapping);
      if (read.kind === "fault") throw new Error(JSON.stringify(read.faults));
      return read.kind === "source" ? read.source : undefined;
    },
    secret: async (name) => {
      cost.secrets += 1;
      const value = secrets.get(name);
      if (value === undefined)
        throw Object.assign(new Error(`secret ${name}: it is not in the vault`), {
          name: "SecretError",
        });
      return value;
    },
    readKeys: openKeyring(),
    claims: async () => {
      cost.claims += 1;
      return options.claims;
    },
    tenantId: () => tenantId,
    isWithin,
    nowMs,
    trueNowMs: async () => {
      cost.clocks += 1;
      return clock.now();
    },
    records,
    queues,
    note: (id, verdict, from) =>
      noteVerdict({ store: records, clock, note: () => undefined }, id, verdict, from),
    lookup: async (parts, key) => {
      const hashes = new Set(JSON.stringify(parts).match(/\b[0-9a-f]{40}\b/g));
      if (hashes.size === 0) return { kind: "none" };
      const job = createHash("sha256").update(key).digest("hex").slice(0, 32);
      return {
        kind: "hashes",
        hashes: hashes.size,
        prepare: async () => {
          await records.create(`state/jobs/${job}/job.json`, { hashes: [...hashes] });
          return job;
        },
        wake: async (id) => {
          woken.push(id);
          await queues.send("file-lookups", { version: 1, job: id });
        },
      };
    },
    startHunt: async (hunt, key) => {
      if (hunt === "no-such-hunt") return undefined;
      started.push({ hunt, key });
      await queues.send("hunt-runs", { hunt });
      return createHash("sha256").update(`${hunt}${key}`).digest("hex").slice(0, 32);
    },
    allowance: openAllowance({
      records,
      nowMs,
      mostPerDay: () => options.verdictsPerDay ?? 20_000,
    }),
    share: options.share ?? openFairShare(),
    reach: options.reach ?? (async () => undefined),
    refused: (fields) => void refused.push({ ...fields }),
  };
  return { clock, records, queues, secrets, cost, refused, started, woken, ports };
}

export type WebhookRoom = ReturnType<typeof webhookRoom>;

/** A request as the platform hands it over. */
export function requestOf(body: string | Uint8Array, headers: SentHeaders) {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const all = new Headers({ "content-length": String(bytes.byteLength), ...headers });
  return { headers: all, arrayBuffer: async () => bytes.slice().buffer };
}

/** Sends one delivery of Standard Webhooks to the source `test`, signed at the room's own time. */
export function deliver(
  room: Pick<WebhookRoom, "clock" | "ports">,
  event: unknown,
  id = "msg_1",
): Promise<Received> {
  const body = JSON.stringify(event);
  const headers = standardHeaders(theKey, body, id, Math.floor(room.clock.now() / 1_000));
  return receive(room.ports, { source: "test", request: requestOf(body, headers), keyed: false });
}

/** Sends one delivery to the source `hub`, which signs bodies but not their ids. */
export function deliverUnsigned(
  { ports }: Pick<WebhookRoom, "ports">,
  event: unknown,
  id: string,
): Promise<Received> {
  const body = JSON.stringify(event);
  const request = requestOf(body, bodyHeaders(hubKey, body, id));
  return receive(ports, { source: "hub", request, keyed: false });
}

/** The refusal of a call. */
export const refusalOf = async (call: Promise<unknown>): Promise<Problem> =>
  call.then(
    () => {
      throw new Error("it was accepted");
    },
    (error: unknown) => error as Problem,
  );
