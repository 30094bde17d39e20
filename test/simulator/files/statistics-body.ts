/** The body of file statistics, in each of its three generations. */
import { formatInstant, type Ticks } from "../../../shared/runtime/time.ts";
import type { Switches } from "../behaviors.ts";
import type { KnownFile } from "../dataset/entities.ts";
import type { Sighting } from "./sightings.ts";

const context =
  "https://api.security.microsoft.com/api/$metadata#microsoft.windowsDefenderATP.api.InOrgFileStats";

/** Second precision here, seven digits for the global dates: the service mixes them in one body. */
const toSecond = (ticks: Ticks): string => `${formatInstant(ticks).slice(0, 19)}Z`;

export function statisticsBody(
  sha1: string,
  file: KnownFile | undefined,
  seen: Sighting | undefined,
  switches: Switches["files"],
): Record<string, unknown> {
  const here = seen?.devices ?? 0;
  const everywhere = Number(file?.globalPrevalence ?? 0n);
  const never = switches.zeroDates === "null" ? null : "";
  const texts = switches.body !== "modern";
  const numbers = switches.body !== "legacy";
  return {
    "@odata.context": context,
    sha1,
    ...(texts ? { orgPrevalence: String(here) } : {}),
    ...(numbers ? { organizationPrevalence: here } : {}),
    orgFirstSeen: seen ? toSecond(seen.firstSeen) : never,
    orgLastSeen: seen ? toSecond(seen.lastSeen) : never,
    ...(texts ? { globalPrevalence: String(everywhere) } : {}),
    ...(numbers ? { globallyPrevalence: everywhere } : {}),
    globalFirstObserved: file ? formatInstant(file.globalFirstSeen) : never,
    globalLastObserved: file ? formatInstant(file.globalLastSeen) : never,
    topFileNames: seen ? seen.names.slice(0, 5) : file ? [file.name] : [],
    ...(switches.extraKey ? { topFileNamesV2: [], riskScore: null } : {}),
  };
}
