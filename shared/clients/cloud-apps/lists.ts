/**
 * Lists of the Cloud Apps API: pages of at most 100 as async iterators, in the three encodings that
 * the API accepts.
 */
import * as z from "zod/mini";
import type { ApiResponse, ApiCall, ApiClient } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import type { WireFilter } from "./filters.ts";

/** The encoding of a list request. All three mean the same. @default "json" */
export type Encoding = "json" | "form" | "query";

export interface ListOptions<F extends object, S extends string> {
  readonly filters?: F | WireFilter;
  readonly skip?: number;
  /** Items of a page, 1 to 100. */
  readonly limit?: number;
  readonly sortField?: S;
  readonly sortDirection?: "asc" | "desc";
  readonly encoding?: Encoding;
  readonly signal?: AbortSignal;
}

/** An item with the service's own names; unknown enumeration numbers stay numbers. */
export type Item = Readonly<Record<string, unknown>>;

/** One page. `total` may be an estimate. */
export interface Page {
  readonly items: readonly Item[];
  readonly hasNext: boolean;
  readonly total: number | undefined;
  /** The filters of the next page of a scan. */
  readonly nextFilters?: WireFilter | undefined;
}

export const maxPageSize = 100;

const listSchema = z.object({
  data: z.array(z.record(z.string(), z.unknown())),
  hasNext: z.optional(z.boolean()),
  total: z.optional(z.nullable(z.number())),
  nextQueryFilters: z.optional(z.nullable(z.record(z.string(), z.record(z.string(), z.unknown())))),
});

/** Reads a list response. @throws UpstreamError `unexpectedResponse` */
export function readPage(response: ApiResponse): Page {
  const page = listSchema.safeParse(response.body).data;
  if (!page) throw createUnexpectedError(response, "a list");
  const { data: items, hasNext = false, total, nextQueryFilters } = page;
  return { items, hasNext, total: total ?? undefined, nextFilters: nextQueryFilters ?? undefined };
}

/** Creates the error for a response without the documented shape. */
export const createUnexpectedError = (
  { status, requestId }: Pick<ApiResponse, "status" | "requestId">,
  expected: string,
): UpstreamError =>
  new UpstreamError("unexpectedResponse", `Cloud Apps: the response is not ${expected}`, {
    api: "cloud-apps",
    status,
    requestId,
  });

/** Builds the call of one page from its body. */
export function buildListCall(
  path: string,
  body: Readonly<Record<string, unknown>>,
  encoding: Encoding = "json",
): ApiCall {
  const entries = Object.entries(body).filter(([, value]) => value !== undefined);
  if (encoding === "json") return { method: "POST", path, json: Object.fromEntries(entries) };
  const texts = Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  return encoding === "form"
    ? { method: "POST", path, form: texts }
    : { method: "GET", path, query: texts };
}

/** Builds the call of one page from its options. @throws RangeError for a limit outside 1 to 100 */
export function buildPageCall<F extends object, S extends string>(
  path: string,
  options: ListOptions<F, S>,
): ApiCall {
  const { encoding, limit = maxPageSize, signal, skip = 0, ...rest } = options;
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= maxPageSize))
    throw new RangeError(`limit must be 1 to ${maxPageSize}; it is ${limit}`);
  const call = buildListCall(path, { ...rest, skip, limit }, encoding);
  return { ...call, ...(signal ? { signal } : {}), maxWaitMs: 120_000 };
}

/** Reads one page. @throws RangeError for a limit outside 1 to 100 */
export const listPage = async <F extends object, S extends string>(
  client: ApiClient,
  path: string,
  options: ListOptions<F, S> = {},
): Promise<Page> => readPage(await client.send(buildPageCall(path, options)));

/** Iterates over every item of the list at one path. */
export const listAll = <F extends object, S extends string>(
  client: ApiClient,
  path: string,
  options: ListOptions<F, S> = {},
): AsyncGenerator<Item> => iteratePages((page) => listPage(client, path, page), options);

/**
 * Iterates over every item, page by page, to the last page. An empty page also ends the list where
 * its total is reached.
 *
 * @throws UpstreamError `unexpectedResponse` for an empty page that announces more items
 */
export async function* iteratePages<O extends ListOptions<object, string>>(
  fetchPage: (options: O) => Promise<Page>,
  options: O,
): AsyncGenerator<Item> {
  for (let skip = options.skip ?? 0; ;) {
    const page = await fetchPage({ ...options, skip });
    yield* page.items;
    if (!page.hasNext) return;
    if (page.items.length === 0) {
      if (page.total !== undefined && page.total <= skip) return;
      throw new UpstreamError(
        "unexpectedResponse",
        `Cloud Apps: the list ended early: ${skip} of ${page.total ?? "more"} items were returned`,
        { api: "cloud-apps" },
      );
    }
    skip += page.items.length;
  }
}

/** Reads one object by its key. @returns `undefined` when there is none */
export async function fetchOne(client: ApiClient, path: string): Promise<Item | undefined> {
  const response = await client.send({ method: "GET", path, maxWaitMs: 60_000 }, [404]);
  if (response.status === 404) return undefined;
  const item = z.record(z.string(), z.unknown()).safeParse(response.body).data;
  if (!item) throw createUnexpectedError(response, "an object");
  return item;
}
