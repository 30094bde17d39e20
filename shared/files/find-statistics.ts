/** Statistics for another room's rows: a column of hashes in, what is known of each out, never a job and never a failure. */
import type { FileLookupService } from "./file-lookup-service.ts";
import { toSingleHashRequest } from "./lookup-request.ts";

const options = { lookBackHours: 720, information: false, where: false, all: false };

/** Few enough that the desk answers at once instead of opening a job. */
const chunkSize = 50;

/**
 * @param sha1s - lower case, distinct
 * @returns what was found; a hash that is unknown, or that nobody could be asked about in time, is absent
 */
export async function findStatistics(
  service: FileLookupService,
  sha1s: readonly string[],
): Promise<Map<string, object>> {
  const statisticsBySha1 = new Map<string, object>();
  for (let at = 0; at < sha1s.length; at += chunkSize) {
    const requested = sha1s
      .slice(at, at + chunkSize)
      .flatMap((sha1) => toSingleHashRequest(sha1, options).requested);
    const outcome = await service.lookUpFiles({ requested, skipped: [], options });
    if (outcome.kind !== "report") continue;
    for (const { sha1, statistics } of outcome.report.results)
      if (sha1 !== null && statistics !== null) statisticsBySha1.set(sha1, statistics);
  }
  return statisticsBySha1;
}
