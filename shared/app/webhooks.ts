/** The live parts behind the webhook doors: sources and mappings, proofs, lookups and hunts. A part of `wiring.ts`. */
import { alertStatuses, noteVerdict } from "../alerts/verdict-requests.ts";
import { isWithin, rangeFault } from "../clients/addresses.ts";
import type { CheckToken } from "../clients/entra-tokens.ts";
import type { Vault } from "../clients/vault.ts";
import type { FilesDesk } from "../files/file-lookup-service.ts";
import { questionOf } from "../files/lookup-request.ts";
import { startHunt } from "../hunts/start-hunt.ts";
import type { HuntPorts } from "../hunts/ports.ts";
import { log } from "../runtime/log.ts";
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { mostLookBackHours } from "../contracts/file-lookup.ts";
import { findJob } from "../storage/jobs.ts";
import { Problem } from "../http/problem.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import { SettingsError } from "../runtime/settings.ts";
import { minuteMs, secondMs, type Clock } from "../runtime/time.ts";
import { openAllowance } from "../webhooks/allowance.ts";
import { openFairShare } from "../webhooks/fair-share.ts";
import { openKeyring } from "../webhooks/keys.ts";
import type { Mappings } from "../webhooks/mapping.ts";
import type { StatusPorts } from "../webhooks/receipt-status.ts";
import type { FoundLookup, WebhookPorts } from "../webhooks/receive.ts";
import { readSource, type Source } from "../webhooks/sources.ts";

/** What the rest of the wiring hands over; each at its first use. */
export interface WebhookParts {
  readonly clock: Clock;
  readonly reach: (point: string) => Promise<void>;
  readonly settings: () => {
    readonly WEBHOOKS: Readonly<Record<string, unknown>>;
    readonly VERDICTS_PER_DAY: number;
  };
  readonly tenantId: () => string;
  readonly mappings: () => Mappings;
  readonly vault: () => Promise<Vault>;
  readonly checkToken: () => Promise<CheckToken>;
  readonly records: RecordStore;
  readonly queues: MessageQueues;
  readonly serverNowMs: () => Promise<number>;
  readonly filesDesk: () => Promise<FilesDesk>;
  readonly hunt: (name: string) => CompiledHunt | undefined;
  readonly huntPorts: () => Promise<HuntPorts>;
}

/** @throws SettingsError when a setting that every source needs is wrong */
export function openWebhooks(parts: WebhookParts): WebhookPorts {
  const { clock, queues, reach } = parts;
  const settings = parts.settings();
  const { records, trueNowMs } = trueClock(parts.records, parts.serverNowMs, clock);
  return {
    source: sourcesOf(settings.WEBHOOKS, parts.mappings()),
    secret: carefully(async (name) => (await parts.vault()).secret(name), clock),
    readKeys: openKeyring(),
    claims: async (token, audience) => {
      const claims = await (await parts.checkToken())(token, audience);
      return (
        claims && {
          tid: claims["tid"],
          appid: claims["appid"],
          azp: claims["azp"],
          roles: claims["roles"],
        }
      );
    },
    tenantId: parts.tenantId,
    isWithin,
    nowMs: clock.now,
    trueNowMs,
    records,
    queues,
    note: (id, verdict, from) =>
      noteVerdict(
        { store: records, clock, note: (event, fields) => log(event, fields) },
        id,
        verdict,
        from,
      ),
    lookup: (found, key) => lookupOf(parts, found, key),
    startHunt: async (name, key) => {
      const hunt = parts.hunt(name);
      if (!hunt) return undefined;
      const started = await startHunt(await parts.huntPorts(), hunt, {}, key);
      return started.kind === "started" ? started.job : undefined;
    },
    allowance: openAllowance({
      records,
      nowMs: clock.now,
      mostPerDay: () => settings.VERDICTS_PER_DAY,
    }),
    share: openFairShare(),
    reach,
    refused: (fields) => log("webhook.refused", fields),
  };
}

/** Each source is read once; one that is wrong stops itself and no other. */
function sourcesOf(
  given: Readonly<Record<string, unknown>>,
  mappings: Mappings,
): (name: string) => Source | undefined {
  const kept = new Map<string, ReturnType<typeof readSource>>();
  return (name) => {
    if (!Object.hasOwn(given, name)) return undefined;
    const read = kept.get(name) ?? readSource(given, name, mappings);
    kept.set(name, read);
    if (read.kind === "unknown") return undefined;
    const faults =
      read.kind === "fault"
        ? read.faults
        : read.source.addresses.flatMap((range, index) => {
            const message = rangeFault(range);
            return message === undefined ? [] : [{ path: `/${name}/addresses/${index}`, message }];
          });
    if (faults.length > 0)
      throw new SettingsError(
        faults.map(({ path, message }) => ({ name: `WEBHOOKS ${path}`, want: message })),
      );
    return read.kind === "source" ? read.source : undefined;
  };
}

/** What the door of receipts works with. */
export function openStatus({
  filesDesk,
  records,
}: Pick<WebhookParts, "filesDesk" | "records">): StatusPorts {
  return {
    records,
    alerts: (verdict, alertIds) => alertStatuses({ store: records }, verdict, alertIds),
    lookup: async (job) => {
      const desk = await filesDesk();
      const view = await desk.job(job);
      if (view.kind === "running") return { done: false };
      return {
        done: true,
        value: view.kind === "ended" ? (await desk.results(view.header)).report : null,
      };
    },
    hunt: async (job) => {
      const found = await findJob(records, job);
      return found.kind === "running"
        ? { done: false }
        : { done: true, value: found.kind === "ended" ? (found.end.result ?? null) : null };
    },
  };
}

const failedForMs = 30 * secondMs;

/** A secret that could not be read is not asked for again at once: strangers must not be able to cost vault calls. */
function carefully(
  secret: (name: string) => Promise<string>,
  clock: Clock,
): (name: string) => Promise<string> {
  const failed = new Map<string, { readonly atMs: number; readonly error: unknown }>();
  return async (name) => {
    const last = failed.get(name);
    if (last && clock.now() - last.atMs < failedForMs) throw last.error;
    try {
      return await secret(name);
    } catch (error) {
      failed.set(name, { atMs: clock.now(), error });
      throw error;
    }
  };
}

const clockKnownMs = 10 * minuteMs;
/** What the storage's clock shows has whole seconds and was some time on its way: smaller differences mean nothing. */
const clockGrainMs = 5 * secondMs;

/** The storage's clock as its answers show it; asked for by itself only when none of them is recent. */
function trueClock(store: RecordStore, ask: () => Promise<number>, clock: Clock) {
  let known: { readonly atMs: number; readonly aheadMs: number } | undefined;
  const note = (serverNowMs: number): void => {
    const aheadMs = serverNowMs - clock.now();
    known = { atMs: clock.now(), aheadMs: Math.abs(aheadMs) > clockGrainMs ? aheadMs : 0 };
  };
  const noted = async <T extends { readonly serverNowMs: number }>(
    answer: Promise<T>,
  ): Promise<T> => {
    note((await answer).serverNowMs);
    return answer;
  };
  return {
    records: {
      ...store,
      read: (path) => noted(store.read(path)),
      create: (path, value) => noted(store.create(path, value)),
    } satisfies RecordStore,
    trueNowMs: async (): Promise<number> => {
      if (!known || Math.abs(clock.now() - known.atMs) >= clockKnownMs) note(await ask());
      return clock.now() + (known?.aheadMs ?? 0);
    },
  };
}

async function lookupOf(
  parts: WebhookParts,
  found: readonly unknown[],
  key: string,
): Promise<FoundLookup> {
  const options = {
    lookBackHours: mostLookBackHours,
    information: false,
    where: false,
    all: false,
  };
  const value = found.length === 1 ? found[0] : found;
  const question = questionOf(
    { options, asked: { kind: "payload", body: { kind: "json", value } } },
    key,
  );
  if (question.asked.length === 0) return { kind: "none" };
  const desk = await parts.filesDesk();
  return {
    kind: "hashes",
    hashes: question.asked.length,
    prepare: async () => {
      const prepared = await desk.prepare(question);
      if (prepared.kind === "job") return prepared.id;
      throw new Problem(409, "This delivery's id was used for other hashes; send a new id.");
    },
    wake: desk.wake,
  };
}
