/** Activities of Cloud Apps: paging up to 5,000, scan mode beyond, feedback. */
import type { ApiClient } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import type { ActivityFilter, WireFilter } from "./filters.ts";
import {
  fetchOne,
  buildListCall,
  listPage,
  iteratePages,
  readPage,
  type Item,
  type ListOptions,
  type Page,
} from "./lists.ts";

const path = "/api/v1/activities/";

/** Options of a scan. */
export interface ScanOptions {
  /** Must have a time condition: a scan without one reads all activities. */
  readonly filters: (ActivityFilter | WireFilter) &
    Readonly<
      Record<"date" | "created", unknown> | Record<"date", unknown> | Record<"created", unknown>
    >;
  /** Records of one page, 500 to 5,000. @default 500 */
  readonly limit?: number;
}

/** Feedback on an activity. The value is one of the portal's. */
export interface ActivityFeedback {
  readonly feedbackValue: string;
  readonly feedbackText?: string;
  readonly allowContact?: boolean;
  readonly contactEmail?: string;
}

type ActivityListOptions = ListOptions<ActivityFilter, "date" | "created">;

/** Records of one scan page. `maxPageSize` is also where the service silently ends a list. */
const [minPageSize, maxPageSize] = [500, 5_000] as const;

async function listActivityPage(client: ApiClient, options: ActivityListOptions): Promise<Page> {
  if ((options.skip ?? 0) >= maxPageSize)
    throw new RangeError(`a list of activities ends at ${maxPageSize}; use a scan to read more`);
  return listPage(client, path, options);
}

/** `/api/v1/activities/` */
export const createActivityResource = (client: ApiClient) => ({
  /** @throws RangeError beyond 5,000 activities, where the service ends a list; use `scan` */
  list: (options: ActivityListOptions = {}) =>
    iteratePages((page) => listActivityPage(client, page), options),
  fetch: (id: string) => fetchOne(client, `${path}${encodeURIComponent(id)}/`),
  scan: (options: ScanOptions) => scanActivities(client, options),
  /** The only route without a trailing slash. */
  feedback: async (id: string, feedback: ActivityFeedback): Promise<void> => {
    await client.send({
      method: "POST",
      path: `${path}${encodeURIComponent(id)}/feedback`,
      json: feedback,
    });
  },
});

/**
 * Scans activities: each response has the filters of the next page, which are sent unchanged. The
 * service moves the last few records of a page to the next one.
 *
 * @throws RangeError for a limit outside 500 to 5,000
 * @throws UpstreamError `unexpectedResponse` when the service offers the same page again
 */
async function* scanActivities(
  client: ApiClient,
  { filters, limit = minPageSize }: ScanOptions,
): AsyncGenerator<Item> {
  if (!(Number.isInteger(limit) && limit >= minPageSize && limit <= maxPageSize))
    throw new RangeError(`limit must be ${minPageSize} to ${maxPageSize}; it is ${limit}`);
  const requested = new Set<string>();
  for (let next: object = filters; ;) {
    requested.add(JSON.stringify(next));
    const call = buildListCall(path, { filters: next, isScan: true, limit });
    const page = readPage(await client.send({ ...call, maxWaitMs: 120_000 }));
    yield* page.items;
    if (!page.hasNext) return;
    if (!page.nextFilters)
      throw createScanError("ended early: more is announced without the filters of the next page");
    if (requested.has(JSON.stringify(page.nextFilters)))
      throw createScanError("is stuck: the same page is offered again");
    next = page.nextFilters;
  }
}

const createScanError = (reason: string): UpstreamError =>
  new UpstreamError("unexpectedResponse", `Cloud Apps: the scan ${reason}`, { api: "cloud-apps" });
