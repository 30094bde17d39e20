/** Reads how much of each API's quota all instances have used. */
import { parseQuotaState } from "../http-pipeline/quota/quota-state.ts";
import { hourMs, minuteMs } from "../runtime/time.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { getRecords } from "./platform.ts";
import type { Tenant } from "./tenants.ts";

interface QuotaLimits {
  readonly api: "hunting" | "files" | "cloud-apps";
  readonly limitPerMinute: number;
  readonly limitPerHour: number | null;
  readonly share: number;
}

function readLimits(tenant: Tenant): readonly QuotaLimits[] {
  const settings = tenant.readSettings([
    "HUNTING_CALLS_PER_MINUTE",
    "HUNTING_CALLS_PER_HOUR",
    "HUNTING_QUOTA_SHARE",
    "FILES_CALLS_PER_MINUTE",
    "FILES_CALLS_PER_HOUR",
    "CLOUD_APPS_CALLS_PER_MINUTE",
  ]);
  return [
    {
      api: "hunting",
      limitPerMinute: settings.HUNTING_CALLS_PER_MINUTE,
      limitPerHour: settings.HUNTING_CALLS_PER_HOUR,
      share: settings.HUNTING_QUOTA_SHARE,
    },
    {
      api: "files",
      limitPerMinute: settings.FILES_CALLS_PER_MINUTE,
      limitPerHour: settings.FILES_CALLS_PER_HOUR,
      share: 1,
    },
    {
      api: "cloud-apps",
      limitPerMinute: settings.CLOUD_APPS_CALLS_PER_MINUTE,
      limitPerHour: null,
      share: 1,
    },
  ];
}

/** Reads the usage of each API from the shared quota state. @throws SettingsError */
export async function readQuotaUsage(tenant: Tenant) {
  const store = await getRecords(tenant);
  return Promise.all(readLimits(tenant).map((limits) => readUsage(store, limits)));
}

async function readUsage(store: Pick<RecordStore, "read">, limits: QuotaLimits) {
  const read = await store.read(`state/quotas/${limits.api}.json`);
  const state = read.kind === "found" ? parseQuotaState(read.value) : undefined;
  const nowMs = read.serverNowMs;
  const countSince = (spanMs: number): number =>
    state?.granted.filter((atMs) => atMs > nowMs - spanMs && atMs <= nowMs).length ?? 0;
  const toFuture = (ms = 0): string | null => (ms > nowMs ? new Date(ms).toISOString() : null);
  return {
    ...limits,
    usedLastMinute: countSince(minuteMs),
    usedLastHour: countSince(hourMs),
    pausedUntil: toFuture(state?.pausedUntilMs),
    breakerOpenUntil: toFuture(state?.breaker.openUntilMs),
  };
}
