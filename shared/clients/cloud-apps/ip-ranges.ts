/** IP ranges of Cloud Apps (data enrichment): list, create, update, delete. */
import type { Answer, Call, Pipe } from "../../pipe/pipe.ts";
import type { IpRangeFilter } from "./filters.ts";
import { listCall, readPage, unexpected, type Item, type ListOptions } from "./lists.ts";

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
  const at = async (call: (place: string) => Call): Promise<Answer> => {
    const [first, second] = places;
    if (known !== undefined) return pipe.send(call(known));
    const answer = await pipe.send(call(first), [404]);
    if (answer.status !== 404) {
      known = first;
      return answer;
    }
    const other = await pipe.send(call(second));
    known = second;
    return other;
  };
  return {
    list: async function* (
      options: ListOptions<IpRangeFilter, "category" | "tags" | "name"> = {},
    ): AsyncGenerator<Item> {
      const { encoding, signal: _signal, ...rest } = options;
      for (let skip = options.skip ?? 0; ;) {
        const body = { limit: 100, ...rest, skip };
        const page = readPage(await at((place) => listCall(place, body, encoding)));
        yield* page.items;
        if (!page.hasNext || page.items.length === 0) return;
        skip += page.items.length;
      }
    },
    /** @returns the new range's id */
    create: async (range: IpRange): Promise<string> => {
      const answer = await at((place) => ({ method: "POST", path: `${place}create_rule/`, json: range, tries: 1 }));
      if (typeof answer.body !== "string" || answer.body === "") throw unexpected(answer, "a new range's id");
      return answer.body;
    },
    /** Replaces the whole range: what is left out is blanked by the service. */
    update: async (id: string, range: IpRange): Promise<void> => {
      await at((place) => ({ method: "POST", path: `${place}${encodeURIComponent(id)}/update_rule/`, json: range }));
    },
    remove: async (id: string): Promise<void> => {
      await at((place) => ({ method: "DELETE", path: `${place}${encodeURIComponent(id)}/` }));
    },
  };
};
