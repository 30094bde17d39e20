/** Advanced hunting: every check of the service in its order, then the query, then the rows. */
import { ticksFromMs, type Clock, type Span, type Ticks } from "../../../shared/runtime/time.ts";
import type { Tokens } from "../entra/tokens.ts";
import { json, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import type { Faults } from "../server/faults.ts";
import { proveBearer, takeTurn } from "../server/guard.ts";
import { createQuota, limitsOf, type Quota } from "../server/quota.ts";
import type { Switches } from "../behaviors.ts";
import { answerRows, type RowsAnswer } from "./answer-rows.ts";
import { backEnds, retiredText, type BackEnd } from "./back-ends.ts";
import { createSpending, type Spending } from "./budgets.ts";
import type { Evaluate } from "./evaluation.ts";
import { amountWording, badQuery } from "./query-errors.ts";
import { keptSpan, readTimespan } from "./timespan.ts";

interface Hunting {
  readonly tokens: Tokens;
  readonly switches: Switches;
  readonly faults: Faults;
  readonly evaluate: Evaluate;
  readonly clock: Clock;
  /** One quota over all generations: it is the tenant's. */
  readonly quota: Quota;
  readonly spending: Readonly<Record<BackEnd["name"], Spending>>;
}

export function huntingRoutes(parts: Omit<Hunting, "quota" | "spending">): {
  graph: Route[];
  defender: Route[];
} {
  const rules = () => ({
    ...parts.switches.hunting.quota,
    limits: limitsOf(parts.switches.hunting.quota),
  });
  const cpu = createSpending();
  const hunting: Hunting = {
    ...parts,
    quota: createQuota(rules),
    spending: { graph: cpu, xdr: cpu, defender: createSpending(), legacy: createSpending() },
  };
  const routes = backEnds.map((backEnd) => routeOf(hunting, backEnd));
  return {
    graph: routes.filter(({ name }) => name === "graph"),
    defender: routes.filter(({ name }) => name !== "graph"),
  };
}

const routeOf = (hunting: Hunting, backEnd: BackEnd): Route => ({
  api: "hunting",
  name: backEnd.name,
  methods: ["POST"],
  pattern: backEnd.pattern,
  family: backEnd.family,
  answer: async (exchange) => {
    const refusal = await refuse(hunting, backEnd, exchange);
    if (refusal) return refusal;
    const asked = readQuery(backEnd, exchange, hunting.clock.now());
    return "status" in asked ? asked : run(hunting, backEnd, exchange, asked);
  },
});

async function refuse(
  hunting: Hunting,
  backEnd: BackEnd,
  exchange: Exchange,
): Promise<Reply | undefined> {
  const { switches, clock } = hunting;
  const { retired, quota, throttleWording: wording } = switches.hunting;
  if (backEnd.retires && retired !== null) {
    return json(retired, {
      error: { code: "Retired", message: retiredText, target: exchange.requestId },
    });
  }
  const proof = await proveBearer(exchange, hunting.tokens, backEnd.family, backEnd);
  if (proof.kind === "refused") return proof.reply;
  const turn = takeTurn(exchange, hunting.quota, backEnd.family, {
    clock,
    retryAfter: quota.retryAfter,
    wording,
  });
  if (turn) return turn;
  const waitMs = hunting.spending[backEnd.name].waitMs(
    backEnd.budgets(switches.hunting),
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

interface Question {
  readonly query: string;
  /** The query's present, read once. */
  readonly now: Ticks;
  readonly span: Span;
}

/** The query of the body, or the 400. A raw line feed inside a JSON string is no JSON. */
function readQuery(backEnd: BackEnd, exchange: Exchange, nowMs: number): Question | Reply {
  const bad = (message: string): Reply =>
    backEnd.family.badRequest(exchange, message, "InvalidRequestBody");
  const body = parsedObject(exchange);
  if (!body) return bad("Request body is incorrect");
  const query = backEnd.queryKeys.map((key) => body[key]).find((value) => value !== undefined);
  if (typeof query !== "string" || query.trim() === "")
    return badQuery("missing-query", exchange, backEnd.family);
  const now = ticksFromMs(nowMs);
  const timespan = body["Timespan"] ?? body["timespan"] ?? null;
  if (!backEnd.timespan || timespan === null) return { query, now, span: keptSpan(now) };
  const span = typeof timespan === "string" ? readTimespan(timespan, now) : undefined;
  return span
    ? { query, now, span }
    : backEnd.family.badRequest(exchange, "Timespan is not a valid ISO 8601 time interval.");
}

function parsedObject(exchange: Exchange): Record<string, unknown> | undefined {
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

async function run(
  hunting: Hunting,
  backEnd: BackEnd,
  exchange: Exchange,
  asked: Question,
): Promise<Reply> {
  const { switches, clock, faults, evaluate } = hunting;
  const { now } = asked;
  const missing = switches.hunting.disabledTables.find((table) =>
    new RegExp(`\\b${table}\\b`).test(asked.query),
  );
  if (missing !== undefined) {
    return fail(
      backEnd,
      exchange,
      "table",
      `'where' operator: Failed to resolve table or column expression named '${missing}'. Fix semantic errors in your query.`,
    );
  }
  const visibleAt = now - ticksFromMs(faults.lateByMs(exchange));
  const outcome = evaluate(asked.query, { now, timespan: asked.span, visibleAt });
  if (outcome.kind === "error") {
    hunting.spending[backEnd.name].spend(switches.hunting.cpuMsPerQuery, clock.now());
    return fail(backEnd, exchange, outcome.class, outcome.message);
  }
  const { delayMsPerQuery } = switches.hunting;
  if (delayMsPerQuery > 0)
    await clock.sleep(delayMsPerQuery, exchange.signal).catch(() => undefined);
  const answer = await answerRows(outcome, backEnd, switches.hunting, exchange.signal);
  return finish(hunting, backEnd, exchange, answer);
}

const fail = (backEnd: BackEnd, exchange: Exchange, error: string, message: string): Reply => ({
  ...backEnd.family.badRequest(exchange, message),
  effect: { error },
});

async function finish(
  hunting: Hunting,
  backEnd: BackEnd,
  exchange: Exchange,
  answer: RowsAnswer,
): Promise<Reply> {
  const { switches, clock } = hunting;
  const { cpuMsPerQuery, cpuMsPerThousandRows, delayMsPerThousandRows, sizeWording } =
    switches.hunting;
  const thousands = answer.kind === "body" ? answer.given.rows / 1_000 : 0;
  hunting.spending[backEnd.name].spend(
    cpuMsPerQuery + cpuMsPerThousandRows * thousands,
    clock.now(),
  );
  if (answer.kind === "failed") return fail(backEnd, exchange, answer.error, answer.message);
  if (answer.kind === "preempted")
    return { ...badQuery("preempted", exchange, backEnd.family), effect: { error: "preempted" } };
  if (answer.kind === "too-big") {
    return sizeWording === "amount"
      ? fail(backEnd, exchange, "result-size", amountWording)
      : { ...badQuery("result-size", exchange, backEnd.family), effect: { error: "result-size" } };
  }
  if (delayMsPerThousandRows > 0)
    await clock.sleep(delayMsPerThousandRows * thousands, exchange.signal).catch(() => undefined);
  return {
    status: 200,
    headers: { "content-type": "application/json; charset=utf-8", ...backEnd.headers(exchange) },
    body: answer.body,
    effect: answer.given,
  };
}
