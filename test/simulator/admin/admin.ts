/**
 * Admin API below `/_simulator/` on every listener: reads and changes the simulator's state from
 * other processes.
 */
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

/** The simulator before it listens: without its settings. */
type SimulatorInternals = Omit<Simulator, "settings">;

/**
 * Handles one admin call. `rest` is the part of the path that the pattern captures; `body` is
 * parsed.
 */
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
  throw new Error("must be a JSON object");
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
  if (typeof value !== "string") throw new Error("/value must be a string");
  return { version: vault.set(rest, value, attributes) };
};

const changeSecret: AdminHandler = ({ vault }, { rest, body }) => {
  if (!vault.change(rest, requireObject(body))) throw new Error(`Secret ${rest} does not exist.`);
  return {};
};

const readAlert: AdminHandler = ({ cloudApps }, { rest }) => ({
  alert: cloudApps.alerts.find(rest) ?? null,
  ...cloudApps.alerts.readHistory(rest),
});

const addAlerts: AdminHandler = ({ cloudApps }, { body }) => {
  const { count = 1, values = {} } = requireObject(body);
  return { ids: cloudApps.alerts.add(Number(count), requireObject(values)) };
};

/** Adds rows to one table: `{"table": "…", "rows": [{…}], "ingestedAt": "…"}`. */
const addRows: AdminHandler = ({ dataset }, { body }) => {
  const { table, rows, ingestedAt } = requireObject(body);
  if (typeof table !== "string" || !Array.isArray(rows))
    throw new Error("/table must be a string and /rows an array");
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
    "list requests: ?api= &route= &status= &after=seq",
    ({ log }, { query }) => log.list(toRequestFilter(query)),
  ),
  defineRoute("DELETE", /^requests$/, "clear the request log", ({ log }) => log.clear()),
  defineRoute(
    "GET",
    /^busiest$/,
    "highest number of requests in any span: ?perMs=60000 &api= &route=",
    ({ log }, { query }) => ({
      calls: log.countBusiest(Number(query.get("perMs") ?? 60_000), toRequestFilter(query)),
    }),
  ),
  defineRoute("GET", /^faults$/, "list active faults", ({ faults }) => faults.listActive()),
  defineRoute(
    "POST",
    /^faults$/,
    "add a fault (README.md lists the kinds)",
    ({ faults }, { body }) => ({
      id: faults.add(body as FaultSpec),
    }),
  ),
  defineRoute("DELETE", /^faults$/, "remove all faults", ({ faults }) => faults.clear()),
  defineRoute("DELETE", /^faults\/(\d+)$/, "remove one fault", ({ faults }, { rest }) => ({
    removed: faults.remove(Number(rest)),
  })),
  defineRoute("GET", /^behaviors$/, "list all behaviors", ({ behaviors }) => behaviors),
  defineRoute(
    "PATCH",
    /^behaviors$/,
    "change some behaviors",
    ({ changeBehaviors, behaviors }, { body }) => {
      changeBehaviors(requireObject(body));
      return behaviors;
    },
  ),
  defineRoute("GET", /^clock$/, "read the simulator's clock", ({ clock }) => ({
    nowMs: clock.now(),
  })),
  defineRoute("POST", /^clock$/, 'move the clock: {"aheadMs": 60000}', ({ clock }, { body }) => {
    clock.shift(Number(requireObject(body)["aheadMs"] ?? 0));
    return { nowMs: clock.now() };
  }),
  defineRoute("GET", /^vault$/, "list names of secrets", ({ vault }) => vault.listNames()),
  defineRoute(
    "POST",
    /^vault\/([\w-]+)$/,
    'add a version: {"value": "…", "enabled"?, "expiresAtMs"?, "notBeforeMs"?}',
    setSecret,
  ),
  defineRoute("PATCH", /^vault\/([\w-]+)$/, "change the newest version", changeSecret),
  defineRoute("DELETE", /^vault\/([\w-]+)$/, "delete a secret", ({ vault }, { rest }) => ({
    removed: vault.remove(rest),
  })),
  defineRoute("GET", /^vault\/([\w-]+)$/, "read a secret's value", ({ vault }, { rest }) => ({
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
  defineRoute("POST", /^revoke-tokens$/, "revoke every access token issued so far", ({ tokens }) =>
    tokens.revokeAll(),
  ),
  defineRoute("GET", /^alerts$/, "list all alerts", ({ cloudApps }) => cloudApps.alerts.list()),
  defineRoute(
    "GET",
    /^alerts\/totals$/,
    "count transitions and changed verdicts over all alerts",
    ({ cloudApps }) => cloudApps.alerts.countTotals(),
  ),
  defineRoute("GET", /^alerts\/(\w+)$/, "read one alert and its history", readAlert),
  defineRoute("POST", /^alerts$/, 'add alerts: {"count": 3, "values": {…}}', addAlerts),
  defineRoute("GET", /^files$/, "list the files that Defender knows", ({ files }) => files.list()),
  defineRoute("POST", /^rows$/, 'add rows: {"table": "…", "rows": [{…}], "ingestedAt"?}', addRows),
  defineRoute("POST", /^evaluate$/, 'evaluate KQL without quota: {"query": "…"}', evaluateQuery),
];

/** @param settings - reads the environment that an app needs */
export function createAdmin(
  internals: SimulatorInternals,
  settings: () => Record<string, string>,
): (request: AdminRequest) => Promise<Reply> {
  return async ({ method, path, query, bodyText }) => {
    const rest = path.slice("/_simulator/".length).replace(/\/$/, "");
    if (rest === "" && method === "GET") return toJsonReply(200, listPages());
    if (rest === "settings" && method === "GET") return toJsonReply(200, settings());
    for (const { method: routeMethod, path: pattern, handler } of routes) {
      const match = routeMethod === method ? pattern.exec(rest) : null;
      if (match)
        return runHandler(() =>
          handler(internals, { rest: match[1] ?? "", query, body: parseBody(bodyText) }),
        );
    }
    return toJsonReply(404, { error: "Unknown admin path. GET /_simulator/ lists all paths." });
  };
}

const listPages = (): Record<string, string> =>
  Object.fromEntries(
    routes.map(({ method, path, description }) => [
      `${method} /_simulator/${path.source.replaceAll(/[\^$\\]|\(.*\)/g, "")}`,
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
