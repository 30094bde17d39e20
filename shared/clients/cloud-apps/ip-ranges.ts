/** IP ranges of Cloud Apps (data enrichment): list, create, update, delete. */
import type { ApiResponse, ApiCall, ApiClient } from "../../http-pipeline/api-client.ts";
import type { IpRangeFilter } from "./filters.ts";
import {
  buildPageCall,
  iteratePages,
  readPage,
  createUnexpectedError,
  type Item,
  type ListOptions,
} from "./lists.ts";

/** 1 corporate, 2 administrative, 3 risky, 4 VPN, 5 cloud provider, 6 other. */
export type IpCategory = 1 | 2 | 3 | 4 | 5 | 6;

/** An IP range. */
export interface IpRange {
  readonly name: string;
  readonly category: IpCategory;
  /** CIDR notation, IPv4 or IPv6. */
  readonly subnets: readonly string[];
  readonly organization?: string;
  readonly tags?: readonly string[];
}

/**
 * The documented path, and the one of the overview page. The first call shows which of them the
 * tenant serves.
 */
const basePaths = ["/api/v1/subnet/", "/api/subnet/"] as const;

export const createIpRangeResource = (client: ApiClient) => {
  let workingPath: (typeof basePaths)[number] | undefined;
  const sendToBasePath = async <A extends { readonly status: number }>(
    send: (call: ApiCall, expectedStatuses?: readonly number[]) => Promise<A>,
    buildCall: (basePath: string) => ApiCall,
  ): Promise<A> => {
    const [first, second] = basePaths;
    if (workingPath !== undefined) return send(buildCall(workingPath));
    const response = await send(buildCall(first), [404]);
    if (response.status !== 404) {
      workingPath = first;
      return response;
    }
    const fallbackResponse = await send(buildCall(second));
    workingPath = second;
    return fallbackResponse;
  };
  const sendCall = (buildCall: (basePath: string) => ApiCall): Promise<ApiResponse> =>
    sendToBasePath(client.send, buildCall);
  return {
    list: (
      options: ListOptions<IpRangeFilter, "category" | "tags" | "name"> = {},
    ): AsyncGenerator<Item> =>
      iteratePages(
        async (page) => readPage(await sendCall((basePath) => buildPageCall(basePath, page))),
        options,
      ),
    /** @returns the new range's id */
    create: async (range: IpRange): Promise<string> => {
      const buildCall = (basePath: string): ApiCall => ({
        method: "POST",
        path: `${basePath}create_rule/`,
        json: range,
        tries: 1,
      });
      const response = await sendToBasePath(client.stream, buildCall);
      const id = await readId(response.body);
      if (id === undefined) throw createUnexpectedError(response, "a new range's id");
      return id;
    },
    /** Replaces the whole range: the service clears members that are absent. */
    update: async (id: string, range: IpRange): Promise<void> => {
      await sendCall((basePath) => ({
        method: "POST",
        path: `${basePath}${encodeURIComponent(id)}/update_rule/`,
        json: range,
      }));
    },
    remove: async (id: string): Promise<void> => {
      await sendCall((basePath) => ({
        method: "DELETE",
        path: `${basePath}${encodeURIComponent(id)}/`,
      }));
    },
  };
};

/** Reads the id, which is a bare JSON string: `send` would take it for truncated JSON. */
async function readId(body: unknown): Promise<string | undefined> {
  if (typeof body !== "object" || body === null || !(Symbol.asyncIterator in body))
    return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const id = quotedId.exec(Buffer.concat(chunks).toString());
  return id?.[1];
}

const quotedId = /^\s*"([\w-]+)"\s*$/;
