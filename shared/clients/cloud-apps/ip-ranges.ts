/** IP ranges of Cloud Apps (data enrichment): list, create, update, delete. */
import type { Answer, Call, Pipe } from "../../http-pipeline/api-client.ts";
import type { IpRangeFilter } from "./filters.ts";
import { pageCall, pages, readPage, unexpected, type Item, type ListOptions } from "./lists.ts";

/** 1 corporate, 2 administrative, 3 risky, 4 VPN, 5 cloud provider, 6 other. */
export type IpCategory = 1 | 2 | 3 | 4 | 5 | 6;

/** A range as its maker writes it. */
export interface IpRange {
  readonly name: string;
  readonly category: IpCategory;
  /** CIDR notation, IPv4 or IPv6. */
  readonly subnets: readonly string[];
  readonly organization?: string;
  readonly tags?: readonly string[];
}

/** The documented place, and the one of the overview page; which of them a tenant serves is seen at the first call. */
const places = ["/api/v1/subnet/", "/api/subnet/"] as const;

export const ipRangeResource = (pipe: Pipe) => {
  let known: (typeof places)[number] | undefined;
  const through = async <A extends { readonly status: number }>(
    send: (call: Call, expect?: readonly number[]) => Promise<A>,
    call: (place: string) => Call,
  ): Promise<A> => {
    const [first, second] = places;
    if (known !== undefined) return send(call(known));
    const answer = await send(call(first), [404]);
    if (answer.status !== 404) {
      known = first;
      return answer;
    }
    const other = await send(call(second));
    known = second;
    return other;
  };
  const at = (call: (place: string) => Call): Promise<Answer> => through(pipe.send, call);
  return {
    list: (
      options: ListOptions<IpRangeFilter, "category" | "tags" | "name"> = {},
    ): AsyncGenerator<Item> =>
      pages(async (page) => readPage(await at((place) => pageCall(place, page))), options),
    /** @returns the new range's id */
    create: async (range: IpRange): Promise<string> => {
      const call = (place: string): Call => ({
        method: "POST",
        path: `${place}create_rule/`,
        json: range,
        tries: 1,
      });
      const answer = await through(pipe.stream, call);
      const id = await readId(answer.body);
      if (id === undefined) throw unexpected(answer, "a new range's id");
      return id;
    },
    /** Replaces the whole range: what is left out is blanked by the service. */
    update: async (id: string, range: IpRange): Promise<void> => {
      await at((place) => ({
        method: "POST",
        path: `${place}${encodeURIComponent(id)}/update_rule/`,
        json: range,
      }));
    },
    remove: async (id: string): Promise<void> => {
      await at((place) => ({ method: "DELETE", path: `${place}${encodeURIComponent(id)}/` }));
    },
  };
};

/** The id comes as a bare JSON string, which `send` would take for an answer cut off; so it is read here. */
async function readId(body: unknown): Promise<string | undefined> {
  if (typeof body !== "object" || body === null || !(Symbol.asyncIterator in body))
    return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const id = quoted.exec(Buffer.concat(chunks).toString());
  return id?.[1];
}

const quoted = /^\s*"([\w-]+)"\s*$/;
