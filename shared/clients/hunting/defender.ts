/** Advanced hunting through the Defender API and its form of 2017. Both retire: see `presets.ts`. */
import type { HuntingPort } from "../../hunts/ports.ts";
import { huntingApi, type HuntingParts } from "./hunting-api.ts";

/** `POST /api/advancedqueries/run`; the application permission is `AdvancedQuery.Read.All`. It knows no `Timespan`. */
export const defenderHunting = (parts: HuntingParts): HuntingPort =>
  huntingApi("defender", parts, (query) => ({ Query: query }));

/** `POST /advancedqueries/query`: as above, 10,000 rows a result, times without a zone. */
export const legacyHunting = (parts: HuntingParts): HuntingPort =>
  huntingApi("legacy", parts, (query) => ({ Query: query }));
