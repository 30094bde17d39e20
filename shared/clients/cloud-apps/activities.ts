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

type ActivityListOptions = ListOptions<ActivityFilter, "date" | "created">;

/** Of one scan page; `maxPageSize` is also where the service cuts lists off, without a word. */
const [minPageSize, maxPageSize] = [500, 5_000] as const;

async function listActivityPage(client: ApiClient, options: ActivityListOptions): Promise<Page> {
  if ((options.skip ?? 0) >= maxPageSize)
    throw new RangeError(`a list of activities ends at ${maxPageSize}; a scan reads on`);
  return listPage(client, path, options);
}

/** `/api/v1/activities/` */
export const createActivityResource = (client: ApiClient) => ({
  /** @throws RangeError where a list of more than 5,000 would end short: a scan reads on */
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
 * Scan mode: each answer carries the filters of the next page, to be sent as they are. The last few records of a page
 * are dropped by the service and come with the next one.
 *
 * @throws RangeError for a limit outside 500 to 5,000
 * @throws UpstreamError `unexpectedResponse` when the service stalls: the same next filters again
 */
async function* scanActivities(
  client: ApiClient,
  { filters, limit = minPageSize }: ScanOptions,
): AsyncGenerator<Item> {
  if (!(Number.isInteger(limit) && limit >= minPageSize && limit <= maxPageSize))
    throw new RangeError(`limit is ${limit}, want ${minPageSize} to ${maxPageSize}`);
  const requested = new Set<string>();
  for (let next: object = filters; ;) {
    requested.add(JSON.stringify(next));
    const call = buildListCall(path, { filters: next, isScan: true, limit });
    const page = readPage(await client.send({ ...call, maxWaitMs: 120_000 }));
    yield* page.items;
    if (!page.hasNext) return;
    if (!page.nextFilters) throw createScanError("breaks off, more is promised but no way to it");
    if (requested.has(JSON.stringify(page.nextFilters)))
      throw createScanError("stands still, the same page is offered again");
    next = page.nextFilters;
  }
}

const createScanError = (reason: string): UpstreamError =>
  new UpstreamError("unexpectedResponse", `Cloud Apps: the scan ${reason}`, { api: "cloud-apps" });
