/**
 * Advanced hunting through the Defender API and its form of 2017. Both retire; see `presets.ts`.
 */
import type { HuntingPort } from "../../hunts/ports.ts";
import { createHuntingApi, type HuntingApiDeps } from "./hunting-api.ts";

/**
 * `POST /api/advancedqueries/run`; the application permission is `AdvancedQuery.Read.All`. It has
 * no `Timespan`.
 */
export const createDefenderHunting = (deps: HuntingApiDeps): HuntingPort =>
  createHuntingApi("defender", deps, (query) => ({ Query: query }));

/** `POST /advancedqueries/query`: as above, with at most 10,000 rows and times without a zone. */
export const createLegacyHunting = (deps: HuntingApiDeps): HuntingPort =>
  createHuntingApi("legacy", deps, (query) => ({ Query: query }));
