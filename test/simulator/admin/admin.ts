/** `/_tenant/…` on every listener: the tenant's inside for tests and people in other processes. */
import { json, type Api, type Reply } from "../server/exchange.ts";
import type { FaultOrder } from "../server/faults.ts";
import type { RequestFilter } from "../server/request-log.ts";
import { parseInstant, ticksFromMs } from "../../../shared/runtime/time.ts";
import type { Tenant } from "../simulator.ts";

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly bodyText: string;
}

/** The tenant without what only exists once it listens. */
type Inside = Omit<Tenant, "settings">;

/** One admin call: the body parsed, the rest of the path after the pattern's own words. */
type Verb = (
  inside: Inside,
  call: { readonly rest: string; readonly query: URLSearchParams; readonly body: unknown },
) => unknown;

interface AdminRoute {
  readonly method: string;
  readonly path: RegExp;
  readonly says: string;
  readonly verb: Verb;
}

const route = (method: string, path: RegExp, says: string, verb: Verb): AdminRoute => ({
  method,
  path,
  says,
  verb,
});

const object = (body: unknown): Record<string, unknown> => {
  if (typeof body === "object" && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new Error("want a JSON object");
};

const requestFilter = (query: URLSearchParams): RequestFilter => {
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

const setSecret: Verb = ({ vault }, { rest, body }) => {
  const { value, ...attributes } = object(body);
  if (typeof value !== "string") throw new Error("/value: want text");
  return { version: vault.set(rest, value, attributes) };
};

const changeSecret: Verb = ({ vault }, { rest, body }) => {
  if (!vault.change(rest, object(body))) throw new Error(`no secret ${rest}`);
  return {};
};

const readAlert: Verb = ({ cloudApps }, { rest }) => ({
  alert: cloudApps.alerts.find(rest) ?? null,
  ...cloudApps.alerts.history(rest),
});

const addAlerts: Verb = ({ cloudApps }, { body }) => {
  const { count = 1, given = {} } = object(body);
  return { ids: cloudApps.alerts.add(Number(count), object(given)) };
};

/** Rows by table: `{"table": "…", "rows": [{…}], "ingestedAt": "…"}`. */
const addRows: Verb = ({ world }, { body }) => {
  const { table, rows, ingestedAt } = object(body);
  if (typeof table !== "string" || !Array.isArray(rows)) throw new Error("want table and rows");
  const arrived = typeof ingestedAt === "string" ? parseInstant(ingestedAt) : undefined;
  for (const row of rows) world.add(table, object(row), arrived);
  return { added: rows.length };
};

const ask: Verb = ({ evaluate, clock }, { body }) => {
  const { query } = object(body);
  const now = ticksFromMs(clock.now());
  const outcome = evaluate(String(query), {
    now,
    timespan: { from: now - ticksFromMs(2_592_000_000), to: now },
    visibleAt: now,
  });
  return outcome.kind === "table" ? { ...outcome, rows: [...outcome.rows] } : outcome;
};

const routes: readonly AdminRoute[] = [
  route(
    "GET",
    /^requests$/,
    "every request: ?api= &route= &status= &after=seq",
    ({ log }, { query }) => log.all(requestFilter(query)),
  ),
  route("DELETE", /^requests$/, "forget the requests so far", ({ log }) => log.clear()),
  route(
    "GET",
    /^busiest$/,
    "most requests in any span: ?perMs=60000 &api= &route=",
    ({ log }, { query }) => ({
      calls: log.busiest(Number(query.get("perMs") ?? 60_000), requestFilter(query)),
    }),
  ),
  route("GET", /^faults$/, "faults in force", ({ faults }) => faults.active()),
  route("POST", /^faults$/, "add a fault, see README.md", ({ faults }, { body }) => ({
    id: faults.add(body as FaultOrder),
  })),
  route("DELETE", /^faults$/, "take all faults away", ({ faults }) => faults.clear()),
  route("DELETE", /^faults\/(\d+)$/, "take one fault away", ({ faults }, { rest }) => ({
    removed: faults.remove(Number(rest)),
  })),
  route("GET", /^switches$/, "all switches", ({ switches }) => switches),
  route("PATCH", /^switches$/, "change some switches", ({ change, switches }, { body }) => {
    change(object(body));
    return switches;
  }),
  route("GET", /^clock$/, "the tenant's time", ({ clock }) => ({ nowMs: clock.now() })),
  route("POST", /^clock$/, 'move ahead: {"aheadMs": 60000}', ({ clock }, { body }) => {
    clock.shift(Number(object(body)["aheadMs"] ?? 0));
    return { nowMs: clock.now() };
  }),
  route("GET", /^vault$/, "names of secrets", ({ vault }) => vault.names()),
  route(
    "POST",
    /^vault\/([\w-]+)$/,
    'a new version: {"value": "…", "enabled"?, "expiresAtMs"?, "notBeforeMs"?}',
    setSecret,
  ),
  route("PATCH", /^vault\/([\w-]+)$/, "change the newest version", changeSecret),
  route("DELETE", /^vault\/([\w-]+)$/, "delete a secret", ({ vault }, { rest }) => ({
    removed: vault.remove(rest),
  })),
  route("GET", /^vault\/([\w-]+)$/, "a secret's value", ({ vault }, { rest }) => ({
    value: vault.value(rest) ?? null,
  })),
  route(
    "POST",
    /^cloud-apps-token$/,
    "rotate the Cloud Apps key and its secret",
    ({ cloudApps }) => ({
      token: cloudApps.rotateToken(),
    }),
  ),
  route(
    "POST",
    /^revoke-tokens$/,
    "no access token given out so far is taken any more",
    ({ tokens }) => tokens.revokeAll(),
  ),
  route("GET", /^alerts$/, "all alerts", ({ cloudApps }) => cloudApps.alerts.all()),
  route("GET", /^alerts\/totals$/, "transitions and flips over all alerts", ({ cloudApps }) =>
    cloudApps.alerts.totals(),
  ),
  route("GET", /^alerts\/(\w+)$/, "one alert and its history", readAlert),
  route("POST", /^alerts$/, 'add alerts: {"count": 3, "given": {…}}', addAlerts),
  route("GET", /^files$/, "the files Defender knows", ({ files }) => files.all()),
  route("POST", /^rows$/, 'add rows: {"table": "…", "rows": [{…}], "ingestedAt"?}', addRows),
  route("POST", /^ask$/, 'evaluate KQL without quota: {"query": "…"}', ask),
];

/** @param settings - the environment an app needs */
export function createAdmin(
  inside: Inside,
  settings: () => Record<string, string>,
): (ask: Ask) => Promise<Reply> {
  return async ({ method, path, query, bodyText }) => {
    const rest = path.slice("/_tenant/".length).replace(/\/$/, "");
    if (rest === "" && method === "GET") return json(200, contents());
    if (rest === "settings" && method === "GET") return json(200, settings());
    for (const { method: wanted, path: pattern, verb } of routes) {
      const match = wanted === method ? pattern.exec(rest) : null;
      if (match)
        return perform(() => verb(inside, { rest: match[1] ?? "", query, body: parsed(bodyText) }));
    }
    return json(404, { error: "no such page; GET /_tenant/ lists them" });
  };
}

const contents = (): Record<string, string> =>
  Object.fromEntries(
    routes.map(({ method, path, says }) => [
      `${method} /_tenant/${path.source.replaceAll(/[\^$\\]|\(.*\)/g, "")}`,
      says,
    ]),
  );

const parsed = (text: string): unknown => (text === "" ? undefined : (JSON.parse(text) as unknown));

async function perform(act: () => unknown): Promise<Reply> {
  try {
    const value = await act();
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value ?? {}, (_, one: unknown) =>
        typeof one === "bigint" ? one.toString() : one,
      ),
    };
  } catch (error) {
    return json(400, { error: error instanceof Error ? error.message : String(error) });
  }
}
