/**
 * Sends random requests through the module and the real client, down to the bytes on the wire.
 * Every call must name 1 to 100 ids of an accepted request and no filter except `id`.
 */
import { handleVerdictMessage } from "../../shared/alerts/handle-verdict-message.ts";
import { createAlertsClient } from "../../shared/clients/cloud-apps/alerts.ts";
import { verdictMessage, verdictRequest } from "../../shared/contracts/alert-verdict.ts";
import { dryRunVerdict } from "../../shared/alerts/dry-run-verdict.ts";
import { submitVerdict } from "../../shared/alerts/submit-verdict.ts";
import { undoVerdict } from "../../shared/alerts/undo-verdict.ts";
import type { AlertDeps } from "../../shared/alerts/ports.ts";
import type { ApiResponse, ApiCall, ApiClient } from "../../shared/http-pipeline/api-client.ts";
import type { Quota } from "../../shared/http-pipeline/quota/quota.ts";
import { secondMs } from "../../shared/runtime/time.ts";
import { alertIdOf } from "../support/alert-service-model.ts";
import { validVerdict, alertHarness } from "../support/alert-harness.ts";
import { createXorShift } from "./alert-model.ts";

/** The result of the requests. */
export interface RequestCheckResult {
  readonly requests: number;
  readonly refused: number;
  readonly calls: number;
  /** Calls with a wrong number of ids, an id that no accepted request named, or another filter. */
  readonly strayCalls: number;
  readonly seconds: number;
}

const actions = [
  "resolve",
  "dismiss",
  "closeTruePositive",
  "closeFalsePositive",
  "closeBenign",
] as const;
/** Requests that one instance handles before a new one with an empty store replaces it. */
const requestsPerInstance = 20;
const alertPoolSize = 400;

/** @param requests - how many, 20 per instance; every fourth is malformed */
export async function checkRandomRequests(
  requests: number,
  seed: number,
): Promise<RequestCheckResult> {
  const startedMs = Date.now();
  const random = createXorShift(seed);
  const tally = { requests: 0, refused: 0, calls: 0, strayCalls: 0 };
  while (tally.requests < requests)
    await runInstance(Math.min(requestsPerInstance, requests - tally.requests), random, tally);
  return { ...tally, seconds: Math.round((Date.now() - startedMs) / secondMs) };
}

async function runInstance(
  requests: number,
  random: () => number,
  tally: { requests: number; refused: number; calls: number; strayCalls: number },
): Promise<void> {
  const { clock, deps: harnessDeps, queues } = alertHarness(0);
  const accepted = new Set<string>();
  const client = createWatchedClient(random, (call) => {
    tally.calls += 1;
    if (!isAllowed(call, accepted)) tally.strayCalls += 1;
  });
  const deps: AlertDeps = { ...harnessDeps, alerts: createAlertsClient(client, unlimitedQuota) };
  const drawBelow = (below: number): number => Math.floor(random() * below);
  const sendRequest = async (index: number): Promise<void> => {
    const { data } = verdictRequest.safeParse(createRandomRequest(index, drawBelow));
    tally.requests += 1;
    if (!data) return void (tally.refused += 1);
    for (const id of data.alertIds) accepted.add(id);
    if (data.dryRun === true) return void (await dryRunVerdict(deps, data));
    await submitVerdict(deps, data, "api", 1_000_000);
    if (drawBelow(10) === 0) await undoVerdict(deps, `r${drawBelow(index + 1)}`, "r");
  };
  await clock.run(async () => {
    for (let index = 0; index < requests; index += 1) await sendRequest(index);
    await queues.drain("alert-verdicts", 4, async (message) => {
      await handleVerdictMessage(deps, verdictMessage.parse(message));
    });
  });
}

/**
 * Returns a valid request, or one with a typical mistake: no ids, foreign ids, wildcards, nulls,
 * filters.
 */
function createRandomRequest(index: number, drawBelow: (below: number) => number): object {
  const { reason: _reason, ...rest } = validVerdict;
  const count = drawBelow(8) === 0 ? 1 + drawBelow(300) : 1 + drawBelow(5);
  const ids = Array.from({ length: count }, () => {
    const id = alertIdOf(1 + drawBelow(alertPoolSize));
    return drawBelow(3) === 0 ? `ca${id}` : id;
  });
  const request = {
    ...rest,
    id: `r${index}`,
    action: actions[drawBelow(actions.length)],
    alertIds: ids,
  };
  switch (drawBelow(12)) {
    case 0:
      return { ...request, alertIds: [] };
    case 1:
      return {
        ...request,
        alertIds: [[], null, "*", "", "ma603e4f1b2c3d4e5f60718293", {}][drawBelow(6)],
      };
    case 2:
      return { ...request, filters: {} };
    case 3:
      return { ...request, dryRun: true };
    default:
      return { ...request, comment: `group ${drawBelow(4)}` };
  }
}

const unlimitedQuota: Quota = {
  acquirePermit: async () => ({
    kind: "permit",
    permit: { usableUntilMs: Number.MAX_SAFE_INTEGER },
  }),
  report: async () => undefined,
};

/** Answers as Cloud Apps does, in 5 % of the calls with a wrong count. */
function createWatchedClient(random: () => number, onCall: (call: ApiCall) => void): ApiClient {
  const sendCall = async (call: ApiCall): Promise<ApiResponse> => {
    onCall(call);
    const counter = /alerts\/close_(\w+)\//.exec(call.path)?.[1];
    const ids = idsOf(call);
    const isWrong = random() < 0.05;
    const body =
      counter === undefined
        ? call.path.endsWith("/reopen/")
          ? { reopened: ids.length }
          : { data: ids.map((_id) => ({ _id, resolutionStatusValue: random() < 0.5 ? 0 : 3 })) }
        : { [`closed_${counter}`]: isWrong ? 0 : ids.length, alertsNotFound: [] };
    return { status: 200, headers: new Headers(), body, requestId: undefined };
  };
  return {
    send: sendCall,
    stream: () => Promise.reject(new Error("streaming is not part of this test")),
  };
}

const filtersOf = (call: ApiCall): Readonly<Record<string, unknown>> =>
  (call.json as { filters?: Record<string, unknown> } | undefined)?.filters ?? {};

const idsOf = (call: ApiCall): readonly string[] =>
  (filtersOf(call)["id"] as { eq?: readonly string[] } | undefined)?.eq ?? [];

/** Tells whether a call has only the filter `{"id":{"eq":[1 to 100 accepted ids]}}`. */
function isAllowed(call: ApiCall, accepted: ReadonlySet<string>): boolean {
  const filters = filtersOf(call);
  const ids = idsOf(call);
  return (
    JSON.stringify(Object.keys(filters)) === '["id"]' &&
    JSON.stringify(Object.keys(filters["id"] as object)) === '["eq"]' &&
    ids.length >= 1 &&
    ids.length <= 100 &&
    ids.every((id) => /^[0-9a-f]{24}$/.test(id) && accepted.has(id))
  );
}
