/** The three hunting APIs as data: path, limits, retirement. */
import type { HuntingPort } from "../../hunts/ports.ts";

/** One hunting API. */
export interface HuntingPreset {
  readonly title: string;
  readonly path: string;
  readonly caps: HuntingPort["caps"];
  /** True when values carry `@odata.type` annotations. */
  readonly hasTypeAnnotations: boolean;
  /** The first day, UTC, on which the API no longer returns data. */
  readonly retiresOn: string | undefined;
}

/**
 * Paths, caps and retirement by API.
 *
 * @see Microsoft Learn, "security: runHuntingQuery", "Advanced hunting API" (pages of 2026: 50 MB,
 *   100,000 rows) and the message centre post MC1220762 (retirement)
 */
export const huntingPresets: Readonly<Record<HuntingPort["api"], HuntingPreset>> = {
  graph: {
    title: "Microsoft Graph",
    path: "/v1.0/security/runHuntingQuery",
    caps: { rows: 100_000, bytes: 50_000_000 },
    hasTypeAnnotations: true,
    retiresOn: undefined,
  },
  defender: {
    title: "the Defender hunting API",
    path: "/api/advancedqueries/run",
    caps: { rows: 100_000, bytes: 50_000_000 },
    hasTypeAnnotations: false,
    retiresOn: "2027-02-01",
  },
  legacy: {
    title: "the hunting API of 2017",
    path: "/advancedqueries/query",
    caps: { rows: 10_000, bytes: 50_000_000 },
    hasTypeAnnotations: false,
    retiresOn: "2027-02-01",
  },
};
