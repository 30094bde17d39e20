/**
 * The dependencies of the webhooks module: sources, mappings, authentication, lookups and hunts.
 */
import type { ParsedBody } from "../contracts/parsed-body.ts";
import { readAlertStatuses } from "../alerts/verdict-status.ts";
import { recordVerdict } from "../alerts/submit-verdict.ts";
import { isWithin, findRangeFault } from "../clients/addresses.ts";
import type { TokenValidator } from "../clients/token-validator.ts";
import type { Vault } from "../clients/vault.ts";
import type { FileLookupService } from "../files/file-lookup-service.ts";
import { toLookupRequest } from "../files/lookup-request.ts";
import { startHunt } from "../hunts/start-hunt.ts";
import type { HuntDeps } from "../hunts/ports.ts";
import type { Log } from "../runtime/log.ts";
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { maxLookBackHours } from "../contracts/file-lookup.ts";
import { findJob } from "../storage/jobs.ts";
import { parseAnyDelivery, parseDeliveryBody, readBodyBytes } from "../http/request-body.ts";
import { Problem } from "../contracts/problem.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import { SettingsError } from "../runtime/settings.ts";
import { minuteMs, secondMs, type Clock } from "../runtime/time.ts";
import { createAllowance } from "../webhooks/allowance.ts";
import { createFairShare } from "../webhooks/fair-share.ts";
import { createKeyReader } from "../webhooks/keys.ts";
import type { Mappings } from "../webhooks/mapping.ts";
import type { ReceiptStatusDeps } from "../webhooks/receipt-status.ts";
import type { PayloadLookup, WebhookDeps } from "../webhooks/ports.ts";
import { readSource, type Source } from "../webhooks/sources.ts";
import type { Failpoint } from "../runtime/failpoints.ts";

/** The services that webhooks use, each created at its first use. */
export interface WebhookServices {
  readonly clock: Clock;
  readonly failpoint: Failpoint;
  readonly log: Log;
  readonly settings: () => {
    readonly WEBHOOKS: Readonly<Record<string, unknown>>;
    readonly MAX_ALERTS_PER_SOURCE_PER_DAY: number;
  };
  readonly tenantId: () => string;
  readonly mappings: () => Mappings;
  readonly vault: () => Promise<Vault>;
  readonly checkToken: () => Promise<TokenValidator>;
  readonly records: RecordStore;
  readonly queues: MessageQueues;
  readonly serverNowMs: () => Promise<number>;
  readonly sealMessage: WebhookDeps["sealMessage"];
  readonly fileLookupService: () => Promise<FileLookupService>;
  readonly findHunt: (name: string) => CompiledHunt | undefined;
  readonly huntDeps: () => Promise<HuntDeps>;
}

/** @throws SettingsError when a setting that every source needs is wrong */
export function createWebhookDeps(services: WebhookServices): WebhookDeps {
  const { clock, queues, failpoint } = services;
  const settings = services.settings();
  const { records, trueNowMs } = trackServerTime(services.records, services.serverNowMs, clock);
  return {
    findSource: createSourceLookup(settings.WEBHOOKS, services.mappings()),
    readSecret: withFailureCache(async (name) => (await services.vault()).getSecret(name), clock),
    readKeys: createKeyReader(),
    readClaims: async (token, audience) => {
      const claims = await (await services.checkToken())(token, audience);
      return (
        claims && {
          tid: claims["tid"],
          appid: claims["appid"],
          azp: claims["azp"],
          roles: claims["roles"],
        }
      );
    },
    tenantId: services.tenantId,
    isWithin,
    nowMs: clock.now,
    trueNowMs,
    readBodyBytes,
    parseJsonBody: parseDeliveryBody,
    parseAnyBody: parseAnyDelivery,
    records,
    queues,
    sealMessage: services.sealMessage,
    recordVerdict: (id, verdict, from) =>
      recordVerdict(
        { store: records, clock, logEvent: (event, fields) => services.log(event, fields) },
        id,
        verdict,
        from,
      ),
    prepareLookup: (values, key, isText) => createPayloadLookup(services, values, key, isText),
    startHunt: async (name, key) => {
      const hunt = services.findHunt(name);
      if (!hunt) return undefined;
      const started = await startHunt(await services.huntDeps(), hunt, {}, key);
      return started.kind === "started" ? started.job : undefined;
    },
    takeAllowance: createAllowance({
      records,
      nowMs: clock.now,
      maxPerDay: () => settings.MAX_ALERTS_PER_SOURCE_PER_DAY,
    }),
    fairShare: createFairShare(),
    failpoint,
    logRefusal: (fields) => services.log("webhook.refused", fields),
  };
}

/** Each source is read once; one that is wrong stops itself and no other. */
function createSourceLookup(
  sources: Readonly<Record<string, unknown>>,
  mappings: Mappings,
): (name: string) => Source | undefined {
  const cache = new Map<string, ReturnType<typeof readSource>>();
  return (name) => {
    if (!Object.hasOwn(sources, name)) return undefined;
    const result = cache.get(name) ?? readSource(sources, name, mappings);
    cache.set(name, result);
    if (result.kind === "unknown") return undefined;
    const faults =
      result.kind === "invalid"
        ? result.faults
        : result.source.addresses.flatMap((range, index) => {
            const message = findRangeFault(range);
            return message === undefined ? [] : [{ path: `/${name}/addresses/${index}`, message }];
          });
    if (faults.length > 0)
      throw new SettingsError(
        faults.map(({ path, message }) => ({ name: `WEBHOOKS ${path}`, expected: message })),
      );
    return result.kind === "source" ? result.source : undefined;
  };
}

/** Creates the dependencies of reading a receipt. */
export function createReceiptStatusDeps({
  fileLookupService,
  records,
}: Pick<WebhookServices, "fileLookupService" | "records">): ReceiptStatusDeps {
  return {
    records,
    readAlerts: (verdict, alertIds) => readAlertStatuses({ store: records }, verdict, alertIds),
    readLookup: async (job) => {
      const lookupService = await fileLookupService();
      const view = await lookupService.readJob(job);
      if (view.kind === "running") return { status: "running", result: null };
      if (view.kind === "absent") return { status: "failed", result: null };
      const { report } = await lookupService.readReport(view.header);
      return { status: view.status, result: report };
    },
    readHunt: async (job) => {
      const found = await findJob(records, job);
      if (found.kind === "running") return { status: "running", result: null };
      if (found.kind !== "ended") return { status: "failed", result: null };
      return { status: found.end.outcome, result: found.end.result ?? null };
    },
  };
}

const failureCacheMs = 30 * secondMs;

/**
 * Caches a failure to read a secret for 30 seconds, so that anonymous requests cost no vault calls.
 */
function withFailureCache(
  secret: (name: string) => Promise<string>,
  clock: Clock,
): (name: string) => Promise<string> {
  const failures = new Map<string, { readonly atMs: number; readonly error: unknown }>();
  return async (name) => {
    const lastFailure = failures.get(name);
    if (lastFailure && clock.now() - lastFailure.atMs < failureCacheMs) throw lastFailure.error;
    try {
      return await secret(name);
    } catch (error) {
      failures.set(name, { atMs: clock.now(), error });
      throw error;
    }
  };
}

const clockValidMs = 10 * minuteMs;
/**
 * Ignore smaller differences: the storage's clock has whole seconds and is read over the network.
 */
const clockGrainMs = 5 * secondMs;

/**
 * Tracks the storage's clock in its responses; reads it separately only when no response is recent.
 */
function trackServerTime(store: RecordStore, readServerNowMs: () => Promise<number>, clock: Clock) {
  let serverOffset: { readonly atMs: number; readonly aheadMs: number } | undefined;
  const recordServerTime = (serverNowMs: number): void => {
    const aheadMs = serverNowMs - clock.now();
    serverOffset = { atMs: clock.now(), aheadMs: Math.abs(aheadMs) > clockGrainMs ? aheadMs : 0 };
  };
  const observeServerTime = async <T extends { readonly serverNowMs: number }>(
    answer: Promise<T>,
  ): Promise<T> => {
    recordServerTime((await answer).serverNowMs);
    return answer;
  };
  return {
    records: {
      ...store,
      read: (path) => observeServerTime(store.read(path)),
      create: (path, value) => observeServerTime(store.create(path, value)),
    } satisfies RecordStore,
    trueNowMs: async (): Promise<number> => {
      if (!serverOffset || Math.abs(clock.now() - serverOffset.atMs) >= clockValidMs)
        recordServerTime(await readServerNowMs());
      return clock.now() + (serverOffset?.aheadMs ?? 0);
    },
  };
}

async function createPayloadLookup(
  services: WebhookServices,
  values: readonly unknown[],
  key: string,
  isText: boolean,
): Promise<PayloadLookup> {
  const options = {
    lookBackHours: maxLookBackHours,
    information: false,
    where: false,
    all: false,
  };
  const value = values.length === 1 ? values[0] : values;
  const body: ParsedBody = isText ? { kind: "text", text: String(value) } : { kind: "json", value };
  const request = await toLookupRequest({ options, input: { kind: "payload", body } }, key);
  if (request.requested.length === 0) return { kind: "none" };
  const lookupService = await services.fileLookupService();
  return {
    kind: "hashes",
    hashes: request.requested.length,
    createJob: async () => {
      const jobResult = await lookupService.createJob(request);
      if (jobResult.kind === "job") return jobResult.id;
      throw new Problem(409, "This delivery's id was used for other hashes; send a new id.");
    },
    enqueueJob: lookupService.enqueueJob,
  };
}
