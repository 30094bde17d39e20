/**
 * The webhooks room over memory: records, queues, secrets, lookups and hunts, on one virtual clock.
 */
import { createHash } from "node:crypto";
import { recordVerdict } from "../../shared/alerts/submit-verdict.ts";
import { isWithin } from "../../shared/clients/addresses.ts";
import type { Problem } from "../../shared/contracts/problem.ts";
import { createAllowance } from "../../shared/webhooks/allowance.ts";
import { createFairShare, type FairShare } from "../../shared/webhooks/fair-share.ts";
import { createKeyReader } from "../../shared/webhooks/keys.ts";
import type { Mappings } from "../../shared/webhooks/mapping.ts";
import type { TokenClaims } from "../../shared/webhooks/authenticate.ts";
import type { DeliveryResult } from "../../shared/webhooks/execute-plan.ts";
import type { WebhookDeps } from "../../shared/webhooks/ports.ts";
import { receiveDelivery, type WebhookCall } from "../../shared/webhooks/receive.ts";
import { readSource } from "../../shared/webhooks/sources.ts";
import { createMemoryQueues } from "./memory-queue.ts";
import { createMemoryRecords, type MemoryRecordsOptions } from "./memory-records.ts";
import { createVirtualClock } from "./virtual-clock.ts";
import { bodyHeaders, standardHeaders, standardKey, type SentHeaders } from "./webhook-senders.ts";
import {
  parseAnyDelivery,
  parseDeliveryBody,
  readBodyBytes,
} from "../../shared/http/request-body.ts";

/** What a test sets differently. */
export interface WebhookHarnessOptions {
  readonly sources?: Readonly<Record<string, unknown>>;
  readonly mappings?: Mappings;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly claims?: TokenClaims;
  /** How far the machine's clock is ahead of the storage's, ms. */
  readonly aheadMs?: number;
  readonly maxAlertsPerDay?: number;
  readonly fairShare?: FairShare;
  readonly failpoint?: (name: string) => Promise<void>;
  readonly store?: Pick<MemoryRecordsOptions, "before" | "after">;
}

export const testKey = standardKey();
const hubKey = "a shared secret of some length";
export const tenantId = "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7001";

/** A sound payload of the mapping below: a closed case with Cloud Apps alerts. */
export const validEvent = (alerts = 1, change: object = {}): object => ({
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
        { action: "dismiss", reason: "notAccurate", words: ["false"] },
      ],
      comment: ["/comment"],
      by: ["/by"],
    },
  },
};

export function webhookHarness(options: WebhookHarnessOptions = {}) {
  const clock = createVirtualClock();
  const records = createMemoryRecords({ clock, ...options.store });
  const queues = createMemoryQueues(clock);
  const sources: Readonly<Record<string, unknown>> = {
    test: { auth: "standard", mapping: "test" },
    hub: { auth: "bodyHmac", mapping: "test" },
    ...options.sources,
  };
  const secrets = new Map(
    Object.entries({ "webhook-test": testKey, "webhook-hub": hubKey, ...options.secrets }),
  );
  const cost = { secrets: 0, clocks: 0, claims: 0 };
  const refusals: { source: string; status: number; cause: string }[] = [];
  const started: { hunt: string; key: string }[] = [];
  const woken: string[] = [];
  const nowMs = (): number => clock.now() + (options.aheadMs ?? 0);
  const deps: WebhookDeps = {
    sealMessage: async (message) => message,
    findSource: (name) => {
      const result = readSource(sources, name, options.mappings ?? testMapping);
      if (result.kind === "invalid") throw new Error(JSON.stringify(result.faults));
      return result.kind === "source" ? result.source : undefined;
    },
    readSecret: async (name) => {
      cost.secrets += 1;
      const value = secrets.get(name);
      if (value === undefined)
        throw Object.assign(new Error(`secret ${name}: it is not in the vault`), {
          name: "SecretError",
        });
      return value;
    },
    readKeys: createKeyReader(),
    readClaims: async () => {
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
    readBodyBytes,
    parseJsonBody: parseDeliveryBody,
    parseAnyBody: parseAnyDelivery,
    records,
    queues,
    recordVerdict: (id, verdict, delivery) =>
      recordVerdict({ store: records, clock, logEvent: () => undefined }, id, verdict, delivery),
    prepareLookup: async (parts, key) => {
      const hashes = new Set(JSON.stringify(parts).match(/\b[0-9a-f]{40}\b/g));
      if (hashes.size === 0) return { kind: "none" };
      const job = createHash("sha256").update(key).digest("hex").slice(0, 32);
      return {
        kind: "hashes",
        hashes: hashes.size,
        createJob: async () => {
          await records.create(`state/jobs/${job}/job.json`, { hashes: [...hashes] });
          return job;
        },
        enqueueJob: async (id) => {
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
    takeAllowance: createAllowance({
      records,
      nowMs,
      maxPerDay: () => options.maxAlertsPerDay ?? 20_000,
    }),
    fairShare: options.fairShare ?? createFairShare(),
    failpoint: options.failpoint ?? (async () => undefined),
    logRefusal: (fields) => void refusals.push({ ...fields }),
  };
  return { clock, records, queues, secrets, cost, refusals, started, woken, deps };
}

export type WebhookHarness = ReturnType<typeof webhookHarness>;

/** A request as the platform hands it over. */
export function toRequest(body: string | Uint8Array, headers: SentHeaders) {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const all = new Headers({ "content-length": String(bytes.byteLength), ...headers });
  return { headers: all, arrayBuffer: async () => bytes.slice().buffer };
}

async function deliver(deps: WebhookDeps, call: WebhookCall): Promise<DeliveryResult> {
  const result = await receiveDelivery(deps, call);
  if (result.kind !== "delivery") throw new Error("expected a delivery, not a handshake");
  return result;
}

/** Sends one delivery of Standard Webhooks to the source `test`, signed at the harness's time. */
export function deliverSigned(
  harness: Pick<WebhookHarness, "clock" | "deps">,
  event: unknown,
  id = "msg_1",
): Promise<DeliveryResult> {
  const body = JSON.stringify(event);
  const headers = standardHeaders(testKey, body, id, Math.floor(harness.clock.now() / 1_000));
  const request = toRequest(body, headers);
  return deliver(harness.deps, { source: "test", request, isKeyed: false });
}

/** Sends one delivery to the source `hub`, which signs bodies but not their ids. */
export function deliverUnsigned(
  { deps }: Pick<WebhookHarness, "deps">,
  event: unknown,
  id: string,
): Promise<DeliveryResult> {
  const body = JSON.stringify(event);
  const request = toRequest(body, bodyHeaders(hubKey, body, id));
  return deliver(deps, { source: "hub", request, isKeyed: false });
}

/** The refusal of a call. */
export const refusalOf = async (attempt: Promise<unknown>): Promise<Problem> =>
  attempt.then(
    () => {
      throw new Error("it was accepted");
    },
    (error: unknown) => error as Problem,
  );
