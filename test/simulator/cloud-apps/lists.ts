/** What every Cloud Apps list has in common: how it is asked, sorted, cut into pages and answered. */
import { json, type Exchange, type Reply } from "../server/exchange.ts";
import { compileFilters, formError, type Fields, type UnknownField } from "./filters.ts";

/** A list call's wishes, from a JSON body, a form, a multipart form or the query. */
interface ListCall {
  readonly filters: unknown;
  readonly skip: number;
  readonly limit: number;
  readonly sortField: string | undefined;
  readonly descending: boolean;
  /** Every other key of the body. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Longest page of the API; a longer wish is cut without a word. */
const longestPage = 100;

/** The body of any call as an object, or undefined when it cannot be read. */
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
  Object.fromEntries([...query].map(([name, value]) => [name, fieldValue(name, value)]));

/** `filters` travels as JSON text wherever it is not already part of a JSON body. */
function fieldValue(name: string, value: string): unknown {
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
    [...parts].map(([, name = "", value = ""]) => [name, fieldValue(name, value)]),
  );
}

/** Numbers may come as text. */
export const wholeOf = (value: unknown, otherwise: number): number => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 0 ? number : otherwise;
};

function readListCall(fields: Readonly<Record<string, unknown>>): ListCall {
  const { filters, skip, limit, sortField, sortDirection, ...rest } = fields;
  return {
    filters:
      typeof filters === "string" && filters.trim() !== ""
        ? fieldValue("filters", filters)
        : filters === ""
          ? undefined
          : filters,
    skip: wholeOf(skip, 0),
    limit: Math.min(longestPage, Math.max(1, wholeOf(limit, longestPage))),
    sortField: typeof sortField === "string" ? sortField : undefined,
    descending: sortDirection !== "asc",
    rest,
  };
}

/** How one resource is listed. */
export interface Listing<Item> {
  readonly items: () => readonly Item[];
  readonly fields: Fields<Item>;
  /** What each sort field compares; the first one is the usual order. */
  readonly sorts: Readonly<Record<string, (item: Item) => number | string>>;
  readonly show: (item: Item) => unknown;
  /** `max` and `moreThanTotal` of the live envelope. */
  readonly wide: boolean;
  /** Where lists end: what `skip + limit` asks for beyond is cut off. */
  readonly reach?: number;
}

/** One page of a list, in the API's envelope. */
export function answerList<Item>(
  exchange: Exchange,
  listing: Listing<Item>,
  unknownField: UnknownField,
  total: "exact" | "estimate",
): Reply {
  const fields = readFields(exchange);
  if (!fields) return json(400, { errors: [{ error: "Malformed request body" }] });
  const call = readListCall(fields);
  const compiled = compileFilters(call.filters, listing.fields, unknownField, exchange.arrivedAtMs);
  if (compiled.kind === "bad") return json(400, formError(compiled.value));
  const found = sorted(listing.items().filter(compiled.keep), listing, call);
  const page = found.slice(call.skip, Math.min(call.skip + call.limit, listing.reach ?? Infinity));
  const hasNext = call.skip + page.length < found.length && page.length > 0;
  const count = total === "estimate" ? Math.ceil(found.length / 10) * 10 : found.length;
  const wide = listing.wide ? { max: longestPage, moreThanTotal: false } : {};
  return {
    ...json(200, { data: page.map(listing.show), hasNext, total: count, ...wide }),
    effect: { listed: page.length },
  };
}

function sorted<Item>(items: readonly Item[], { sorts }: Listing<Item>, call: ListCall): Item[] {
  const [usual] = Object.values(sorts);
  const key = sorts[call.sortField ?? ""] ?? usual;
  if (!key) return [...items];
  const order = call.descending ? -1 : 1;
  return [...items].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    return left < right ? -order : left > right ? order : 0;
  });
}
