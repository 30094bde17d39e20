/** Statistics for another room's rows: a column of hashes in, what is known of each out, never a job and never a failure. */
import type { FilesDesk } from "./file-lookup-service.ts";
import { questionOfOne } from "./lookup-request.ts";

const options = { lookBackHours: 720, information: false, where: false, all: false };

/** Few enough that the desk answers at once instead of opening a job. */
const chunk = 50;

/**
 * @param sha1s - lower case, distinct
 * @returns what was found; a hash that is unknown, or that nobody could be asked about in time, is absent
 */
export async function statisticsOf(
  desk: FilesDesk,
  sha1s: readonly string[],
): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  for (let at = 0; at < sha1s.length; at += chunk) {
    const asked = sha1s.slice(at, at + chunk).flatMap((sha1) => questionOfOne(sha1, options).asked);
    const outcome = await desk.ask({ asked, skipped: [], options });
    if (outcome.kind !== "report") continue;
    for (const { sha1, statistics } of outcome.report.results)
      if (sha1 !== null && statistics !== null) found.set(sha1, statistics);
  }
  return found;
}
