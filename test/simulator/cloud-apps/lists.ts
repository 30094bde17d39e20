/** Common parts of every Cloud Apps list: request, sort order, pages and answer. */
import { toJsonReply, type Exchange, type Reply } from "../server/exchange.ts";
import { compileFilters, toFormError, type Fields, type UnknownField } from "./filters.ts";

/** Parameters of a list call, from a JSON body, a form, a multipart form or the query. */
interface ListCall {
  readonly filters: unknown;
  readonly skip: number;
  readonly limit: number;
  readonly sortField: string | undefined;
  readonly isDescending: boolean;
  /** All other keys of the body. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Largest page of the API; a larger `limit` is reduced silently. */
const maxPageSize = 100;

/** Reads the body of a call as an object; undefined if it is not readable. */
export function readFields(exchange: Exchange): Record<string, unknown> | undefined {
  const fields = fromQuery(exchange.query);
  const text = exchange.bodyText;
  if (text === "") return fields;
  const type = exchange.headers["content-type"] ?? "";
  if (type.startsWith("multipart/form-data")) return { ...fields, ...fromMultipart(text) };
  const first = text.trimStart()[0];
  if (first !== "{" && type.startsWith("application/x-www-form-urlencoded")) {
    return { ...fields, ...fromQuery(new URLSearchParams(text)) };
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...fields, ...value } : undefined;
  } catch {
    return undefined;
  }
}

const fromQuery = (query: URLSearchParams): Record<string, unknown> =>
  Object.fromEntries([...query].map(([name, value]) => [name, parseFieldValue(name, value)]));

/** `filters` is JSON text unless it is part of a JSON body. */
function parseFieldValue(name: string, value: string): unknown {
  if (name !== "filters") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function fromMultipart(text: string): Record<string, unknown> {
  const parts = text.matchAll(
    /content-disposition:[^\r\n]*\bname="([^"]+)"[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n([\s\S]*?)\r?\n--/gi,
  );
  return Object.fromEntries(
    [...parts].map(([, name = "", value = ""]) => [name, parseFieldValue(name, value)]),
  );
}

/** Accepts numbers as text. */
export const toWholeNumber = (value: unknown, fallback: number): number => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 0 ? number : fallback;
};

function readListCall(fields: Readonly<Record<string, unknown>>): ListCall {
  const { filters, skip, limit, sortField, sortDirection, ...rest } = fields;
  return {
    filters:
      typeof filters === "string" && filters.trim() !== ""
        ? parseFieldValue("filters", filters)
        : filters === ""
          ? undefined
          : filters,
    skip: toWholeNumber(skip, 0),
    limit: Math.min(maxPageSize, Math.max(1, toWholeNumber(limit, maxPageSize))),
    sortField: typeof sortField === "string" ? sortField : undefined,
    isDescending: sortDirection !== "asc",
    rest,
  };
}

/** How one resource is listed. */
export interface Listing<Item> {
  readonly items: () => readonly Item[];
  readonly fields: Fields<Item>;
  /** What each sort field compares; the first field is the default order. */
  readonly sorts: Readonly<Record<string, (item: Item) => number | string>>;
  readonly show: (item: Item) => unknown;
  /** `max` and `moreThanTotal` of the live envelope. */
  readonly isWide: boolean;
  /** Last index that `skip + limit` can reach; later items are cut off. */
  readonly maxItems?: number;
}

/** Returns one page of a list in the API's envelope. */
export function answerList<Item>(
  exchange: Exchange,
  listing: Listing<Item>,
  unknownField: UnknownField,
  total: "exact" | "estimate",
): Reply {
  const fields = readFields(exchange);
  if (!fields) return toJsonReply(400, { errors: [{ error: "Malformed request body" }] });
  const call = readListCall(fields);
  const compiled = compileFilters(call.filters, listing.fields, unknownField, exchange.arrivedAtMs);
  if (compiled.kind === "invalid") return toJsonReply(400, toFormError(compiled.value));
  const matching = sortItems(listing.items().filter(compiled.matches), listing, call);
  const page = matching.slice(
    call.skip,
    Math.min(call.skip + call.limit, listing.maxItems ?? Infinity),
  );
  const hasNext = call.skip + page.length < matching.length && page.length > 0;
  const count = total === "estimate" ? Math.ceil(matching.length / 10) * 10 : matching.length;
  const wideFields = listing.isWide ? { max: maxPageSize, moreThanTotal: false } : {};
  return {
    ...toJsonReply(200, { data: page.map(listing.show), hasNext, total: count, ...wideFields }),
    effect: { listed: page.length },
  };
}

function sortItems<Item>(items: readonly Item[], { sorts }: Listing<Item>, call: ListCall): Item[] {
  const [defaultKey] = Object.values(sorts);
  const key = sorts[call.sortField ?? ""] ?? defaultKey;
  if (!key) return [...items];
  const order = call.isDescending ? -1 : 1;
  return [...items].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    return left < right ? -order : left > right ? order : 0;
  });
}
