/** The body of file statistics, in each of its three generations. */
import { formatInstant, type Ticks } from "../../../shared/runtime/time.ts";
import type { Behaviors } from "../behaviors.ts";
import type { KnownFile } from "../dataset/entities.ts";
import type { Sighting } from "./sightings.ts";

const context =
  "https://api.security.microsoft.com/api/$metadata#microsoft.windowsDefenderATP.api.InOrgFileStats";

/** Seconds here, seven digits for the global dates: the service mixes both in one body. */
const formatToSecond = (ticks: Ticks): string => `${formatInstant(ticks).slice(0, 19)}Z`;

export function toStatisticsBody(
  sha1: string,
  file: KnownFile | undefined,
  sighting: Sighting | undefined,
  behaviors: Behaviors["files"],
): Record<string, unknown> {
  const orgDevices = sighting?.devices ?? 0;
  const globalDevices = Number(file?.globalPrevalence ?? 0n);
  const missingDate = behaviors.zeroDates === "null" ? null : "";
  const hasTexts = behaviors.body !== "modern";
  const hasNumbers = behaviors.body !== "legacy";
  return {
    "@odata.context": context,
    sha1,
    ...(hasTexts ? { orgPrevalence: String(orgDevices) } : {}),
    ...(hasNumbers ? { organizationPrevalence: orgDevices } : {}),
    orgFirstSeen: sighting ? formatToSecond(sighting.firstSeen) : missingDate,
    orgLastSeen: sighting ? formatToSecond(sighting.lastSeen) : missingDate,
    ...(hasTexts ? { globalPrevalence: String(globalDevices) } : {}),
    ...(hasNumbers ? { globallyPrevalence: globalDevices } : {}),
    globalFirstObserved: file ? formatInstant(file.globalFirstSeen) : missingDate,
    globalLastObserved: file ? formatInstant(file.globalLastSeen) : missingDate,
    topFileNames: sighting ? sighting.names.slice(0, 5) : file ? [file.name] : [],
    ...(behaviors.extraKey ? { topFileNamesV2: [], riskScore: null } : {}),
  };
}
