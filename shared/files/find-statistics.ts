/** Looks up statistics for the rows of a hunt: never starts a job and never fails. */
import type { FileLookupService } from "./file-lookup-service.ts";
import { toSingleHashRequest } from "./lookup-request.ts";

const options = { lookBackHours: 720, information: false, where: false, all: false };

/** Small enough to be answered at once instead of as a job. */
const chunkSize = 50;

/**
 * Returns the statistics by SHA-1. A hash that is unknown, or that was not answered in time, is
 * absent.
 *
 * @param sha1s - lower case, distinct
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
