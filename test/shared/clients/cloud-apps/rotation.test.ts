/**
 * A rotation of the Cloud Apps token while 100 calls are in flight and the vault is slow or fails.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createAlertsClient } from "../../../../shared/clients/cloud-apps/alerts.ts";
import { createVault } from "../../../../shared/clients/vault.ts";
import { parseAlertId, type AlertId } from "../../../../shared/contracts/alert-id.ts";
import type { Quota } from "../../../../shared/http-pipeline/quota/quota.ts";
import { createApiClient } from "../../../../shared/http-pipeline/send.ts";
import { createPortalAuthorizer } from "../../../../shared/http-pipeline/token.ts";
import { systemClock } from "../../../../shared/runtime/time.ts";
import { startSimulator, type Simulator } from "../../../simulator/simulator.ts";

const secretName = "cloud-apps-token";
const callCount = 50;

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
    behaviors: { cloudApps: { quota: { perMinute: null } } },
  });
  Object.assign(process.env, simulator.settings);
});
afterAll(() => simulator.stop());
beforeEach(() => {
  simulator.faults.clear();
  simulator.log.clear();
});

/** A quota without limits that counts the permits. */
function createCountingQuota(): Quota & { permits: number } {
  const quota = {
    permits: 0,
    acquirePermit: async () => {
      quota.permits += 1;
      return {
        kind: "permit",
        permit: { usableUntilMs: systemClock.now() + 60_000 },
      } as const;
    },
    report: async () => undefined,
  };
  return quota;
}

function createFixture() {
  const vault = createVault({
    url: simulator.urls.vault,
    identityClientId: simulator.settings["RESPONSE_IDENTITY_CLIENT_ID"],
    clock: systemClock,
    log: () => undefined,
  });
  const quota = createCountingQuota();
  const client = createApiClient({
    api: "cloud-apps",
    baseUrl: simulator.urls["cloud-apps"],
    authorizer: createPortalAuthorizer({
      getSecret: () => vault.getSecret(secretName),
      reportRefused: (value) => vault.reportRefused(secretName, value),
    }),
    quota,
    clock: systemClock,
    log: () => undefined,
  });
  return { alerts: createAlertsClient(client, quota), quota, vault };
}

const toIds = (ids: readonly string[]): AlertId[] =>
  ids.flatMap((text) => {
    const parsed = parseAlertId(text);
    return parsed.kind === "alert" ? [parsed.id] : [];
  });

test.each([
  ["is slow", () => void simulator.faults.add({ api: "vault", kind: "delay", ms: 500, count: 1 })],
  [
    "fails",
    () => void simulator.faults.add({ api: "vault", kind: "answer", status: 503, count: 3 }),
  ],
])(
  "50 actions and 50 reads end right through a rotation while the vault %s",
  async (_, addFault) => {
    const { alerts, quota, vault } = createFixture();
    const ids = toIds(simulator.cloudApps.alerts.add(callCount));
    await vault.getSecret(secretName);
    simulator.cloudApps.rotateToken();
    addFault();
    const replies = await Promise.all(
      ids.flatMap((id) => [
        alerts.close(
          [id],
          { closure: "falsePositive" },
          { usableUntilMs: systemClock.now() + 60_000 },
        ),
        alerts.getStates([id]),
      ]),
    );
    expect(new Set(replies.map(({ kind }) => kind))).toEqual(new Set(["answer"]));
    const calls = simulator.listRequests({ api: "cloud-apps" });
    const refusedCalls = calls.filter(({ status }) => status === 401).length;
    expect(refusedCalls).toBeLessThanOrEqual(2 * callCount);
    expect(calls.length - refusedCalls).toBe(2 * callCount);
    // Each close brings its own first permit.
    expect(quota.permits).toBe(calls.length - callCount);
    const closed = ids.filter(
      (id) => simulator.cloudApps.alerts.find(id)?.resolutionStatusValue === 3,
    );
    expect(closed).toHaveLength(callCount);
  },
);
