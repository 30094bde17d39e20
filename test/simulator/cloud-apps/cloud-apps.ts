/**
 * Defender for Cloud Apps: path prefixes, trailing slashes, authentication, throttling, resources.
 */
import type { Clock } from "../../../shared/runtime/time.ts";
import type { Tokens } from "../entra/tokens.ts";
import type { Exchange, Reply, Route } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { acquirePermit } from "../server/access-checks.ts";
import { createQuota, toLimits, type Quota } from "../server/quota.ts";
import type { Behaviors } from "../behaviors.ts";
import { authorizeCaller, type ApiTokens } from "./access.ts";
import { readFields } from "./lists.ts";
import type { CloudAppsResource, ResourceRoute } from "./resource.ts";

interface CloudAppsDeps {
  readonly tokens: Tokens;
  readonly keys: ApiTokens;
  readonly behaviors: Behaviors;
  readonly clock: Clock;
  /** One limit over all routes, tokens and applications. */
  readonly quota: Quota;
}

const prefixes = ["/api/v1/", "/api/", "/cas/api/v1/"];

/** @param resources - each with its table of routes */
export function createCloudAppsRoutes(
  deps: Omit<CloudAppsDeps, "quota">,
  resources: readonly CloudAppsResource[],
): Route[] {
  const readRules = () => ({
    ...deps.behaviors.cloudApps.quota,
    limits: toLimits(deps.behaviors.cloudApps.quota),
  });
  const depsWithQuota: CloudAppsDeps = { ...deps, quota: createQuota(readRules) };
  return prefixes.flatMap((prefix) =>
    resources.flatMap(({ name, routes }) =>
      routes.flatMap((route) => createRoutePair(depsWithQuota, prefix, name, route)),
    ),
  );
}

/** Returns the route as documented and the same route without its trailing slash. */
function createRoutePair(
  deps: CloudAppsDeps,
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
  const documented: Route = {
    ...base,
    pattern: `${prefix}${route.path}`,
    answer: (exchange) => answerCall(deps, route, exchange),
  };
  if (!route.path.endsWith("/")) return [documented];
  const slashless: Route = {
    ...base,
    pattern: documented.pattern.slice(0, -1),
    answer: (exchange) => answerWithoutSlash(deps, route, exchange),
  };
  return [documented, slashless];
}

function answerWithoutSlash(
  deps: CloudAppsDeps,
  route: ResourceRoute,
  exchange: Exchange,
): Reply | Promise<Reply> {
  switch (deps.behaviors.cloudApps.missingSlash) {
    case "accept":
      return answerCall(deps, route, exchange);
    case "301":
      return { status: 301, headers: { location: `${exchange.path}/` }, body: "" };
    case "404":
      return cloudAppsFamily.notFound(exchange);
  }
}

async function answerCall(
  deps: CloudAppsDeps,
  route: ResourceRoute,
  exchange: Exchange,
): Promise<Reply> {
  const { keys, tokens, clock, quota, behaviors } = deps;
  const authorization = await authorizeCaller(exchange, route.action, keys, tokens);
  if (authorization.kind === "refused") return authorization.reply;
  const { retryAfter } = behaviors.cloudApps.quota;
  const throttledReply = acquirePermit(exchange, quota, cloudAppsFamily, {
    clock,
    retryAfter,
    wording: "api",
  });
  if (throttledReply) return throttledReply;
  const fields = readFields(exchange);
  if (!fields) return cloudAppsFamily.badRequest(exchange, "Malformed request body");
  const { caller } = authorization;
  return route.answer({
    exchange,
    caller,
    fields,
    behaviors: behaviors.cloudApps,
    nowMs: clock.now(),
  });
}
