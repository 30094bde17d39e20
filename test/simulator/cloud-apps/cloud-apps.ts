/** Defender for Cloud Apps: prefixes and slashes, authentication, the throttle, and the resources behind them. */
import type { Clock } from "../../../shared/runtime/time.ts";
import type { Tokens } from "../entra/tokens.ts";
import type { Exchange, Reply, Route } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { takeTurn } from "../server/guard.ts";
import { createQuota, limitsOf, type Quota } from "../server/quota.ts";
import type { Switches } from "../behaviors.ts";
import { admit, type ApiTokens } from "./access.ts";
import { readFields } from "./lists.ts";
import type { CloudAppsResource, ResourceRoute } from "./resource.ts";

interface CloudApps {
  readonly tokens: Tokens;
  readonly keys: ApiTokens;
  readonly switches: Switches;
  readonly clock: Clock;
  /** One throttle over all routes, keys and applications. */
  readonly quota: Quota;
}

const prefixes = ["/api/v1/", "/api/", "/cas/api/v1/"];

/** @param resources - each with its table of routes */
export function cloudAppsRoutes(
  parts: Omit<CloudApps, "quota">,
  resources: readonly CloudAppsResource[],
): Route[] {
  const rules = () => ({
    ...parts.switches.cloudApps.quota,
    limits: limitsOf(parts.switches.cloudApps.quota),
  });
  const cloudApps: CloudApps = { ...parts, quota: createQuota(rules) };
  return prefixes.flatMap((prefix) =>
    resources.flatMap(({ name, routes }) =>
      routes.flatMap((route) => both(cloudApps, prefix, name, route)),
    ),
  );
}

/** The route as documented, and the same without its slash. */
function both(
  cloudApps: CloudApps,
  prefix: string,
  resource: string,
  route: ResourceRoute,
): Route[] {
  const base = {
    api: "cloud-apps",
    name: `${resource}.${route.name}`,
    methods: route.methods,
    family: cloudAppsFamily,
  } as const;
  const sound: Route = {
    ...base,
    pattern: `${prefix}${route.path}`,
    answer: (exchange) => answer(cloudApps, route, exchange),
  };
  if (!route.path.endsWith("/")) return [sound];
  const bare: Route = {
    ...base,
    pattern: sound.pattern.slice(0, -1),
    answer: (exchange) => withoutSlash(cloudApps, route, exchange),
  };
  return [sound, bare];
}

function withoutSlash(
  cloudApps: CloudApps,
  route: ResourceRoute,
  exchange: Exchange,
): Reply | Promise<Reply> {
  switch (cloudApps.switches.cloudApps.missingSlash) {
    case "accept":
      return answer(cloudApps, route, exchange);
    case "301":
      return { status: 301, headers: { location: `${exchange.path}/` }, body: "" };
    case "404":
      return cloudAppsFamily.notFound(exchange);
  }
}

async function answer(
  cloudApps: CloudApps,
  route: ResourceRoute,
  exchange: Exchange,
): Promise<Reply> {
  const { keys, tokens, clock, quota, switches } = cloudApps;
  const admission = await admit(exchange, route.action, keys, tokens);
  if (admission.kind === "refused") return admission.reply;
  const { retryAfter } = switches.cloudApps.quota;
  const throttled = takeTurn(exchange, quota, cloudAppsFamily, {
    clock,
    retryAfter,
    wording: "api",
  });
  if (throttled) return throttled;
  const fields = readFields(exchange);
  if (!fields) return cloudAppsFamily.badRequest(exchange, "Malformed request body");
  const { caller } = admission;
  return route.answer({
    exchange,
    caller,
    fields,
    switches: switches.cloudApps,
    nowMs: clock.now(),
  });
}
