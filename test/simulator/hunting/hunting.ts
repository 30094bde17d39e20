/** Advanced hunting: the checks of the service in their order, then the query, then the rows. */
import { ticksFromMs, type Clock, type Span, type Ticks } from "../../../shared/runtime/time.ts";
import type { Tokens } from "../entra/tokens.ts";
import { toJsonReply, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import type { Faults } from "../server/faults.ts";
import { authenticateBearer, acquirePermit } from "../server/access-checks.ts";
import { createQuota, toLimits, type Quota } from "../server/quota.ts";
import type { Behaviors } from "../behaviors.ts";
import { simulatedWorkspaceId } from "../dataset/workspace-id.ts";
import { answerRows, type RowsAnswer } from "./answer-rows.ts";
import { backEnds, retiredText, type BackEnd } from "./back-ends.ts";
import { createSpending, type Spending } from "./budgets.ts";
import type { Evaluate } from "./evaluation.ts";
import {
  amountWording,
  createWordingPicker,
  toBadQueryReply,
  type WordingPicker,
} from "./query-errors.ts";
import { toRetainedSpan, readTimespan } from "./timespan.ts";

interface HuntingDeps {
  readonly tokens: Tokens;
  readonly behaviors: Behaviors;
  readonly faults: Faults;
  readonly evaluate: Evaluate;
  readonly clock: Clock;
  /** One quota for all generations, because it is the tenant's. */
  readonly quota: Quota;
  readonly spending: Readonly<Record<BackEnd["name"], Spending>>;
  readonly pickWording: WordingPicker;
}

export function createHuntingRoutes(
  deps: Omit<HuntingDeps, "quota" | "spending" | "pickWording">,
): {
  graph: Route[];
  defender: Route[];
} {
  const readRules = () => ({
    ...deps.behaviors.hunting.quota,
    limits: toLimits(deps.behaviors.hunting.quota),
  });
  const cpu = createSpending();
  const depsWithQuota: HuntingDeps = {
    ...deps,
    quota: createQuota(readRules),
    spending: { graph: cpu, xdr: cpu, defender: createSpending(), legacy: createSpending() },
    pickWording: createWordingPicker(),
  };
  const routes = backEnds.map((backEnd) => createRoute(depsWithQuota, backEnd));
  return {
    graph: routes.filter(({ name }) => name === "graph"),
    defender: routes.filter(({ name }) => name !== "graph"),
  };
}

const createRoute = (deps: HuntingDeps, backEnd: BackEnd): Route => ({
  api: "hunting",
  name: backEnd.name,
  methods: ["POST"],
  pattern: backEnd.pattern,
  family: backEnd.family,
  answer: async (exchange) => {
    const refusal = await refuseRequest(deps, backEnd, exchange);
    if (refusal) return refusal;
    const request = readQuery(backEnd, exchange, deps.clock.now());
    return "status" in request ? request : runQuery(deps, backEnd, exchange, request);
  },
});

async function refuseRequest(
  deps: HuntingDeps,
  backEnd: BackEnd,
  exchange: Exchange,
): Promise<Reply | undefined> {
  const { behaviors, clock } = deps;
  const { retired, quota, throttleWording: wording } = behaviors.hunting;
  if (backEnd.canRetire && retired !== null) {
    return toJsonReply(retired, {
      error: { code: "Retired", message: retiredText, target: exchange.requestId },
    });
  }
  const authentication = await authenticateBearer(exchange, deps.tokens, backEnd.family, backEnd);
  if (authentication.kind === "refused") return authentication.reply;
  const refusedPermit = acquirePermit(exchange, deps.quota, backEnd.family, {
    clock,
    retryAfter: quota.retryAfter,
    wording,
  });
  if (refusedPermit) return refusedPermit;
  const waitMs = deps.spending[backEnd.name].computeWaitMs(
    backEnd.listBudgets(behaviors.hunting),
    clock.now(),
  );
  if (waitMs === 0) return undefined;
  return backEnd.family.throttled(exchange, {
    cause: "run-time",
    retryAfterMs: quota.retryAfter ? waitMs : undefined,
    waitMs,
    limit: undefined,
    nowMs: clock.now(),
    wording,
  });
}

interface HuntingRequest {
  readonly query: string;
  /** Time of the query, read once. */
  readonly now: Ticks;
  readonly span: Span;
}

/**
 * Reads the query of the body, or returns the 400. A raw line feed in a JSON string is invalid
 * JSON.
 */
function readQuery(backEnd: BackEnd, exchange: Exchange, nowMs: number): HuntingRequest | Reply {
  const toBadRequest = (message: string): Reply =>
    backEnd.family.badRequest(exchange, message, "InvalidRequestBody");
  const body = parseObjectBody(exchange);
  if (!body) return toBadRequest("Request body is incorrect");
  const query = backEnd.queryKeys.map((key) => body[key]).find((value) => value !== undefined);
  if (typeof query !== "string" || query.trim() === "")
    return toBadQueryReply("missing-query", exchange, backEnd.family);
  const { workspaceId = null } = body;
  if (backEnd.hasTimespan && workspaceId !== null && workspaceId !== simulatedWorkspaceId)
    return toBadRequest("The workspace was not found or is not connected to this tenant.");
  const now = ticksFromMs(nowMs);
  const timespan = body["Timespan"] ?? body["timespan"] ?? null;
  if (!backEnd.hasTimespan || timespan === null) return { query, now, span: toRetainedSpan(now) };
  const span = typeof timespan === "string" ? readTimespan(timespan, now) : undefined;
  return span
    ? { query, now, span }
    : backEnd.family.badRequest(exchange, "Timespan is not a valid ISO 8601 time interval.");
}

function parseObjectBody(exchange: Exchange): Record<string, unknown> | undefined {
  if (!/^application\/json\b/i.test(exchange.headers["content-type"] ?? "")) return undefined;
  try {
    const value: unknown = JSON.parse(exchange.bodyText);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

async function runQuery(
  deps: HuntingDeps,
  backEnd: BackEnd,
  exchange: Exchange,
  request: HuntingRequest,
): Promise<Reply> {
  const { behaviors, clock, faults, evaluate } = deps;
  const { now } = request;
  const missingTable = behaviors.hunting.disabledTables.find((table) =>
    new RegExp(`\\b${table}\\b`).test(request.query),
  );
  if (missingTable !== undefined) {
    return toFailure(
      backEnd,
      exchange,
      "table",
      `'where' operator: Failed to resolve table or column expression named '${missingTable}'. Fix semantic errors in your query.`,
    );
  }
  const visibleAt = now - ticksFromMs(faults.findLateByMs(exchange));
  const outcome = evaluate(request.query, { now, timespan: request.span, visibleAt });
  if (outcome.kind === "error") {
    deps.spending[backEnd.name].recordWork(behaviors.hunting.cpuMsPerQuery, clock.now());
    return toFailure(backEnd, exchange, outcome.class, outcome.message);
  }
  const { delayMsPerQuery } = behaviors.hunting;
  if (delayMsPerQuery > 0)
    await clock.sleep(delayMsPerQuery, exchange.signal).catch(() => undefined);
  const answer = await answerRows(outcome, backEnd, behaviors.hunting, exchange.signal);
  return finishQuery(deps, backEnd, exchange, answer);
}

const toFailure = (
  backEnd: BackEnd,
  exchange: Exchange,
  error: string,
  message: string,
): Reply => ({
  ...backEnd.family.badRequest(exchange, message),
  effect: { error },
});

async function finishQuery(
  deps: HuntingDeps,
  backEnd: BackEnd,
  exchange: Exchange,
  answer: RowsAnswer,
): Promise<Reply> {
  const { behaviors, clock } = deps;
  const { cpuMsPerQuery, cpuMsPerThousandRows, delayMsPerThousandRows, errorWording, sizeWording } =
    behaviors.hunting;
  const thousandRows = answer.kind === "body" ? answer.stats.rows / 1_000 : 0;
  deps.spending[backEnd.name].recordWork(
    cpuMsPerQuery + cpuMsPerThousandRows * thousandRows,
    clock.now(),
  );
  if (answer.kind === "failed") return toFailure(backEnd, exchange, answer.error, answer.message);
  if (answer.kind === "preempted")
    return toFailure(backEnd, exchange, "preempted", deps.pickWording("preempted", errorWording));
  if (answer.kind === "too-big")
    return toFailure(
      backEnd,
      exchange,
      "result-size",
      sizeWording === "amount" ? amountWording : deps.pickWording("result-size", errorWording),
    );
  if (delayMsPerThousandRows > 0)
    await clock
      .sleep(delayMsPerThousandRows * thousandRows, exchange.signal)
      .catch(() => undefined);
  return {
    status: 200,
    headers: {
      "content-type": "application/json; charset=utf-8",
      ...backEnd.createHeaders(exchange),
    },
    body: answer.body,
    effect: answer.stats,
  };
}
