/** Activities of Cloud Apps: paging up to 5,000, scan mode beyond, feedback. */
import type { Pipe } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import type { ActivityFilter, WireFilter } from "./filters.ts";
import {
  fetchOne,
  listCall,
  listPage,
  pages,
  readPage,
  type Item,
  type ListOptions,
  type Page,
} from "./lists.ts";

const path = "/api/v1/activities/";

/** Records of one scan page, 500 to 5,000. */
export interface ScanOptions {
  /** Must hold a time condition: a scan without one reads everything there is. */
  readonly filters: (ActivityFilter | WireFilter) &
    Readonly<
      Record<"date" | "created", unknown> | Record<"date", unknown> | Record<"created", unknown>
    >;
  readonly limit?: number;
}

/** What an activity's reader thinks of it. The value is the portal's own word. */
export interface ActivityFeedback {
  readonly feedbackValue: string;
  readonly feedbackText?: string;
  readonly allowContact?: boolean;
  readonly contactEmail?: string;
}

type Listed = ListOptions<ActivityFilter, "date" | "created">;

/** Of one scan page; `most` is also where the service cuts lists off, without a word. */
const [fewest, most] = [500, 5_000] as const;

async function listed(pipe: Pipe, options: Listed): Promise<Page> {
  if ((options.skip ?? 0) >= most)
    throw new RangeError(`a list of activities ends at ${most}; a scan reads on`);
  return listPage(pipe, path, options);
}

/** `/api/v1/activities/` */
export const activityResource = (pipe: Pipe) => ({
  /** @throws RangeError where a list of more than 5,000 would end short: a scan reads on */
  list: (options: Listed = {}) => pages((page) => listed(pipe, page), options),
  fetch: (id: string) => fetchOne(pipe, `${path}${encodeURIComponent(id)}/`),
  scan: (options: ScanOptions) => scan(pipe, options),
  /** The only route without a trailing slash. */
  feedback: async (id: string, feedback: ActivityFeedback): Promise<void> => {
    await pipe.send({
      method: "POST",
      path: `${path}${encodeURIComponent(id)}/feedback`,
      json: feedback,
    });
  },
});

/**
 * Scan mode: each answer carries the filters of the next page, to be sent as they are. The last few records of a page
 * are dropped by the service and come with the next one.
 *
 * @throws RangeError for a limit outside 500 to 5,000
 * @throws UpstreamError `unexpected-answer` when the service stalls: the same next filters again
 */
async function* scan(pipe: Pipe, { filters, limit = fewest }: ScanOptions): AsyncGenerator<Item> {
  if (!(Number.isInteger(limit) && limit >= fewest && limit <= most))
    throw new RangeError(`limit is ${limit}, want ${fewest} to ${most}`);
  const asked = new Set<string>();
  for (let next: object = filters; ;) {
    asked.add(JSON.stringify(next));
    const call = listCall(path, { filters: next, isScan: true, limit });
    const page = readPage(await pipe.send({ ...call, waitForTurnMs: 120_000 }));
    yield* page.items;
    if (!page.hasNext) return;
    if (!page.nextFilters) throw stopped("breaks off, more is promised but no way to it");
    if (asked.has(JSON.stringify(page.nextFilters)))
      throw stopped("stands still, the same page is offered again");
    next = page.nextFilters;
  }
}

const stopped = (how: string): UpstreamError =>
  new UpstreamError("unexpected-answer", `Cloud Apps: the scan ${how}`, { api: "cloud-apps" });
