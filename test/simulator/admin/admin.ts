/** `/_tenant/…` on every listener: the tenant's inside for tests and people in other processes. */
import { toJsonReply, type Api, type Reply } from "../server/exchange.ts";
import type { FaultSpec } from "../server/faults.ts";
import type { RequestFilter } from "../server/request-log.ts";
import { parseInstant, ticksFromMs } from "../../../shared/runtime/time.ts";
import type { Simulator } from "../simulator.ts";

interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly bodyText: string;
}

/** The tenant without what only exists once it listens. */
type SimulatorInternals = Omit<Simulator, "settings">;

/** One admin call: the body parsed, the rest of the path after the pattern's own words. */
type AdminHandler = (
  internals: SimulatorInternals,
  call: { readonly rest: string; readonly query: URLSearchParams; readonly body: unknown },
) => unknown;

interface AdminRoute {
  readonly method: string;
  readonly path: RegExp;
  readonly description: string;
  readonly handler: AdminHandler;
}

const defineRoute = (
  method: string,
  path: RegExp,
  description: string,
  handler: AdminHandler,
): AdminRoute => ({
  method,
  path,
  description,
  handler,
});

const requireObject = (body: unknown): Record<string, unknown> => {
  if (typeof body === "object" && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new Error("want a JSON object");
};

const toRequestFilter = (query: URLSearchParams): RequestFilter => {
  const [api, name, status, after] = ["api", "route", "status", "after"].map((key) =>
    query.get(key),
  );
  return {
    ...(api ? { api: api as Api } : {}),
    ...(name ? { route: name } : {}),
    ...(status ? { status: Number(status) } : {}),
    ...(after ? { after: Number(after) } : {}),
  };
};

const setSecret: AdminHandler = ({ vault }, { rest, body }) => {
  const { value, ...attributes } = requireObject(body);
  if (typeof value !== "string") throw new Error("/value: want text");
  return { version: vault.set(rest, value, attributes) };
};

const changeSecret: AdminHandler = ({ vault }, { rest, body }) => {
  if (!vault.change(rest, requireObject(body))) throw new Error(`no secret ${rest}`);
  return {};
};

const readAlert: AdminHandler = ({ cloudApps }, { rest }) => ({
  alert: cloudApps.alerts.find(rest) ?? null,
  ...cloudApps.alerts.readHistory(rest),
});

const addAlerts: AdminHandler = ({ cloudApps }, { body }) => {
  const { count = 1, given: values = {} } = requireObject(body);
  return { ids: cloudApps.alerts.add(Number(count), requireObject(values)) };
};

/** Rows by table: `{"table": "…", "rows": [{…}], "ingestedAt": "…"}`. */
const addRows: AdminHandler = ({ dataset }, { body }) => {
  const { table, rows, ingestedAt } = requireObject(body);
  if (typeof table !== "string" || !Array.isArray(rows)) throw new Error("want table and rows");
  const arrivedAt = typeof ingestedAt === "string" ? parseInstant(ingestedAt) : undefined;
  for (const row of rows) dataset.addRow(table, requireObject(row), arrivedAt);
  return { added: rows.length };
};

const evaluateQuery: AdminHandler = ({ evaluate, clock }, { body }) => {
  const { query } = requireObject(body);
  const now = ticksFromMs(clock.now());
  const outcome = evaluate(String(query), {
    now,
    timespan: { from: now - ticksFromMs(2_592_000_000), to: now },
    visibleAt: now,
  });
  return outcome.kind === "table" ? { ...outcome, rows: [...outcome.rows] } : outcome;
};

const routes: readonly AdminRoute[] = [
  defineRoute(
    "GET",
    /^requests$/,
    "every request: ?api= &route= &status= &after=seq",
    ({ log }, { query }) => log.list(toRequestFilter(query)),
  ),
  defineRoute("DELETE", /^requests$/, "forget the requests so far", ({ log }) => log.clear()),
  defineRoute(
    "GET",
    /^busiest$/,
    "most requests in any span: ?perMs=60000 &api= &route=",
    ({ log }, { query }) => ({
      calls: log.countBusiest(Number(query.get("perMs") ?? 60_000), toRequestFilter(query)),
    }),
  ),
  defineRoute("GET", /^faults$/, "faults in force", ({ faults }) => faults.listActive()),
  defineRoute("POST", /^faults$/, "add a fault, see README.md", ({ faults }, { body }) => ({
    id: faults.add(body as FaultSpec),
  })),
  defineRoute("DELETE", /^faults$/, "take all faults away", ({ faults }) => faults.clear()),
  defineRoute("DELETE", /^faults\/(\d+)$/, "take one fault away", ({ faults }, { rest }) => ({
    removed: faults.remove(Number(rest)),
  })),
  defineRoute("GET", /^switches$/, "all switches", ({ behaviors }) => behaviors),
  defineRoute(
    "PATCH",
    /^switches$/,
    "change some switches",
    ({ changeBehaviors, behaviors }, { body }) => {
      changeBehaviors(requireObject(body));
      return behaviors;
    },
  ),
  defineRoute("GET", /^clock$/, "the tenant's time", ({ clock }) => ({ nowMs: clock.now() })),
  defineRoute("POST", /^clock$/, 'move ahead: {"aheadMs": 60000}', ({ clock }, { body }) => {
    clock.shift(Number(requireObject(body)["aheadMs"] ?? 0));
    return { nowMs: clock.now() };
  }),
  defineRoute("GET", /^vault$/, "names of secrets", ({ vault }) => vault.listNames()),
  defineRoute(
    "POST",
    /^vault\/([\w-]+)$/,
    'a new version: {"value": "…", "enabled"?, "expiresAtMs"?, "notBeforeMs"?}',
    setSecret,
  ),
  defineRoute("PATCH", /^vault\/([\w-]+)$/, "change the newest version", changeSecret),
  defineRoute("DELETE", /^vault\/([\w-]+)$/, "delete a secret", ({ vault }, { rest }) => ({
    removed: vault.remove(rest),
  })),
  defineRoute("GET", /^vault\/([\w-]+)$/, "a secret's value", ({ vault }, { rest }) => ({
    value: vault.readValue(rest) ?? null,
  })),
  defineRoute(
    "POST",
    /^cloud-apps-token$/,
    "rotate the Cloud Apps key and its secret",
    ({ cloudApps }) => ({
      token: cloudApps.rotateToken(),
    }),
  ),
  defineRoute(
    "POST",
    /^revoke-tokens$/,
    "no access token given out so far is taken any more",
    ({ tokens }) => tokens.revokeAll(),
  ),
  defineRoute("GET", /^alerts$/, "all alerts", ({ cloudApps }) => cloudApps.alerts.list()),
  defineRoute("GET", /^alerts\/totals$/, "transitions and flips over all alerts", ({ cloudApps }) =>
    cloudApps.alerts.countTotals(),
  ),
  defineRoute("GET", /^alerts\/(\w+)$/, "one alert and its history", readAlert),
  defineRoute("POST", /^alerts$/, 'add alerts: {"count": 3, "given": {…}}', addAlerts),
  defineRoute("GET", /^files$/, "the files Defender knows", ({ files }) => files.list()),
  defineRoute("POST", /^rows$/, 'add rows: {"table": "…", "rows": [{…}], "ingestedAt"?}', addRows),
  defineRoute("POST", /^ask$/, 'evaluate KQL without quota: {"query": "…"}', evaluateQuery),
];

/** @param settings - the environment an app needs */
export function createAdmin(
  internals: SimulatorInternals,
  settings: () => Record<string, string>,
): (request: AdminRequest) => Promise<Reply> {
  return async ({ method, path, query, bodyText }) => {
    const rest = path.slice("/_tenant/".length).replace(/\/$/, "");
    if (rest === "" && method === "GET") return toJsonReply(200, listPages());
    if (rest === "settings" && method === "GET") return toJsonReply(200, settings());
    for (const { method: routeMethod, path: pattern, handler } of routes) {
      const match = routeMethod === method ? pattern.exec(rest) : null;
      if (match)
        return runHandler(() =>
          handler(internals, { rest: match[1] ?? "", query, body: parseBody(bodyText) }),
        );
    }
    return toJsonReply(404, { error: "no such page; GET /_tenant/ lists them" });
  };
}

const listPages = (): Record<string, string> =>
  Object.fromEntries(
    routes.map(({ method, path, description }) => [
      `${method} /_tenant/${path.source.replaceAll(/[\^$\\]|\(.*\)/g, "")}`,
      description,
    ]),
  );

const parseBody = (text: string): unknown =>
  text === "" ? undefined : (JSON.parse(text) as unknown);

async function runHandler(action: () => unknown): Promise<Reply> {
  try {
    const value = await action();
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value ?? {}, (_, one: unknown) =>
        typeof one === "bigint" ? one.toString() : one,
      ),
    };
  } catch (error) {
    return toJsonReply(400, { error: error instanceof Error ? error.message : String(error) });
  }
}
