/** Advanced hunting through Microsoft Graph, the only hunting API that does not retire. */
import type { HuntingPort } from "../../hunts/ports.ts";
import { msFromTicks, secondMs, type Span } from "../../runtime/time.ts";
import { createHuntingApi, type HuntingApiDeps } from "./hunting-api.ts";

/**
 * `POST /v1.0/security/runHuntingQuery`; the application permission is `ThreatHunting.Read.All`.
 *
 * @param workspaceId - the Sentinel workspace to read. @default the tenant's primary one
 */
export const createGraphHunting = (deps: HuntingApiDeps, workspaceId?: string): HuntingPort =>
  createHuntingApi("graph", deps, (query, { timespan }) => ({
    Query: query,
    ...(timespan ? { Timespan: toInterval(timespan) } : {}),
    ...(workspaceId === undefined ? {} : { workspaceId }),
  }));

/**
 * Returns `start/end` in whole seconds, widened outwards: the service uses the narrower of this and
 * the query's own times.
 */
function toInterval({ from, to }: Span): string {
  const start = Math.floor(msFromTicks(from) / secondMs) * secondMs;
  const end = Math.ceil((msFromTicks(to) + 1) / secondMs) * secondMs;
  return `${toSecondText(start)}/${toSecondText(end)}`;
}

const toSecondText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
