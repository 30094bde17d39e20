/** Lists of the Cloud Apps API: pages of at most 100 as async iterators, in the three encodings the API takes. */
import * as z from "zod/mini";
import type { ApiResponse, ApiCall, ApiClient } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import type { WireFilter } from "./filters.ts";

/** How a list request travels. All three mean the same; JSON is the default. */
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

/** Anything the service sends, by its own names; unknown enum numbers stay numbers. */
export type Item = Readonly<Record<string, unknown>>;

/** One page. `total` is an estimate where the service says so. */
export interface Page {
  readonly items: readonly Item[];
  readonly hasNext: boolean;
  readonly total: number | undefined;
  /** Scan mode: what to send as the next filters. */
  readonly nextFilters?: WireFilter | undefined;
}

export const maxPageSize = 100;

const listSchema = z.object({
  data: z.array(z.record(z.string(), z.unknown())),
  hasNext: z.optional(z.boolean()),
  total: z.optional(z.nullable(z.number())),
  nextQueryFilters: z.optional(z.nullable(z.record(z.string(), z.record(z.string(), z.unknown())))),
});

/** Reads a list answer. @throws UpstreamError `unexpectedResponse` */
export function readPage(response: ApiResponse): Page {
  const page = listSchema.safeParse(response.body).data;
  if (!page) throw createUnexpectedError(response, "a list");
  const { data: items, hasNext = false, total, nextQueryFilters } = page;
  return { items, hasNext, total: total ?? undefined, nextFilters: nextQueryFilters ?? undefined };
}

/** The documented shape was not there. */
export const createUnexpectedError = (
  { status, requestId }: Pick<ApiResponse, "status" | "requestId">,
  expected: string,
): UpstreamError =>
  new UpstreamError("unexpectedResponse", `Cloud Apps: the answer is not ${expected}`, {
    api: "cloud-apps",
    status,
    requestId,
  });

/** The call of one page. */
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

/** The call of one page, as asked. @throws RangeError for a limit outside 1 to 100 */
export function buildPageCall<F extends object, S extends string>(
  path: string,
  options: ListOptions<F, S>,
): ApiCall {
  const { encoding, limit = maxPageSize, signal, skip = 0, ...rest } = options;
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= maxPageSize))
    throw new RangeError(`limit is ${limit}, want 1 to ${maxPageSize}`);
  const call = buildListCall(path, { ...rest, skip, limit }, encoding);
  return { ...call, ...(signal ? { signal } : {}), maxWaitMs: 120_000 };
}

/** One page. @throws RangeError for a limit outside 1 to 100 */
export const listPage = async <F extends object, S extends string>(
  client: ApiClient,
  path: string,
  options: ListOptions<F, S> = {},
): Promise<Page> => readPage(await client.send(buildPageCall(path, options)));

/** Every item of a list in one place. */
export const listAll = <F extends object, S extends string>(
  client: ApiClient,
  path: string,
  options: ListOptions<F, S> = {},
): AsyncGenerator<Item> => iteratePages((page) => listPage(client, path, page), options);

/** Every item, page by page as they are asked for. Ends on the last page or on an empty one, whichever comes first. */
export async function* iteratePages<O extends ListOptions<object, string>>(
  fetchPage: (options: O) => Promise<Page>,
  options: O,
): AsyncGenerator<Item> {
  for (let skip = options.skip ?? 0; ;) {
    const page = await fetchPage({ ...options, skip });
    yield* page.items;
    if (!page.hasNext || page.items.length === 0) return;
    skip += page.items.length;
  }
}

/** One object by its key. @returns `undefined` when the service knows none */
export async function fetchOne(client: ApiClient, path: string): Promise<Item | undefined> {
  const response = await client.send({ method: "GET", path, maxWaitMs: 60_000 }, [404]);
  if (response.status === 404) return undefined;
  const item = z.record(z.string(), z.unknown()).safeParse(response.body).data;
  if (!item) throw createUnexpectedError(response, "an object");
  return item;
}
