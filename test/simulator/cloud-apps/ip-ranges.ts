/** The IP ranges resource: list, fetch, create, replace, delete. */
import { createHash } from "node:crypto";
import { toJsonReply, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { defineField } from "./define-field.ts";
import { toFormError, type Fields } from "./filters.ts";
import { readSubnet, type Subnet } from "./ip-address.ts";
import { answerList } from "./lists.ts";
import type { CloudAppsResource, ResourceCall, ResourceRoute } from "./resource.ts";

/** An IP range as the API shows it. */
interface IpRangeItem {
  readonly _id: string;
  readonly name: string;
  readonly category: number;
  readonly subnets: readonly Subnet[];
  readonly organization: string | null;
  readonly location: { readonly countryCode: string; readonly countryName: string } | null;
  readonly tags: readonly { readonly _id: string; readonly id: string; readonly name: string }[];
  /** Epoch milliseconds with a fraction. */
  readonly lastModified: number;
  /** 0: predefined by Microsoft. */
  readonly _tid: number;
}

export type IpRanges = Map<string, IpRangeItem>;

/** Three ranges of the tenant and one predefined by Microsoft. */
export function createIpRanges(nowMs: () => number): IpRanges {
  const ranges: IpRanges = new Map();
  const addRange = (range: Record<string, unknown>, tid: number): void => {
    const result = readRange(range, createId(ranges), nowMs(), tid);
    if (result.kind === "range") ranges.set(result.range._id, result.range);
  };
  addRange(
    {
      name: "Headquarters",
      category: 1,
      subnets: ["10.0.0.0/8"],
      organization: "Contoso Ltd",
      tags: ["office"],
    },
    97_134_000,
  );
  addRange(
    { name: "VPN", category: 4, subnets: ["192.0.2.0/24", "2001:db8::/32"], tags: ["vpn"] },
    97_134_000,
  );
  addRange({ name: "Known bad", category: 3, subnets: ["198.51.100.7"] }, 97_134_000);
  addRange({ name: "Microsoft Azure", category: 5, subnets: ["203.0.113.0/24"] }, 0);
  return ranges;
}

const ipRangeFields: Fields<IpRangeItem> = {
  category: defineField("int", ["eq", "neq"], ({ category }) => [category]),
  tags: defineField("text", ["eq", "neq"], ({ tags }) => tags.map(({ id }) => id)),
  builtIn: defineField("bool", ["eq"], ({ _tid }) => [_tid === 0]),
};

export function createIpRangesResource(ranges: IpRanges): CloudAppsResource {
  const defineRoute = (
    name: string,
    method: string,
    path: string,
    action: ResourceRoute["action"],
    respond: (ranges: IpRanges, call: ResourceCall) => Reply,
  ): ResourceRoute => ({
    name,
    methods: name === "list" ? ["GET", "POST"] : [method],
    path,
    action,
    answer: (call) =>
      isServed(call) ? respond(ranges, call) : cloudAppsFamily.notFound(call.exchange),
  });
  return {
    name: "subnet",
    routes: [
      defineRoute("list", "POST", "subnet/", "subnet.read", listRanges),
      defineRoute("create_rule", "POST", "subnet/create_rule/", "subnet.write", createRange),
      defineRoute("update_rule", "POST", "subnet/{id}/update_rule/", "subnet.write", updateRange),
      defineRoute("fetch", "GET", "subnet/{id}/", "subnet.read", fetchRange),
      defineRoute("delete", "DELETE", "subnet/{id}/", "subnet.write", deleteRange),
    ],
  };
}

/** The documents name two paths. */
function isServed({ exchange, behaviors }: ResourceCall): boolean {
  const isVersioned = /\/v1\//i.test(exchange.path);
  return behaviors.subnetPlace === "both" || (behaviors.subnetPlace === "v1") === isVersioned;
}

const listRanges = (ranges: IpRanges, { exchange, behaviors }: ResourceCall): Reply =>
  answerList<IpRangeItem>(
    exchange,
    {
      items: () => [...ranges.values()],
      fields: ipRangeFields,
      sorts: {
        name: ({ name }) => name,
        category: ({ category }) => category,
        tags: ({ tags }) => tags.map(({ id }) => id).join(),
      },
      show: (range) => range,
      isWide: false,
    },
    behaviors.unknownField,
    behaviors.total,
  );

const findRange = (ranges: IpRanges, { exchange }: ResourceCall): IpRangeItem | undefined =>
  ranges.get(exchange.params["id"] ?? "");

function fetchRange(ranges: IpRanges, call: ResourceCall): Reply {
  const range = findRange(ranges, call);
  return range ? toJsonReply(200, range) : cloudAppsFamily.notFound(call.exchange);
}

/** Returns the new id as a JSON string. */
function createRange(ranges: IpRanges, { fields: input, nowMs }: ResourceCall): Reply {
  const result = readRange(input, createId(ranges), nowMs, 97_134_000);
  if (result.kind === "invalid") return toJsonReply(400, toFormError(result.value));
  ranges.set(result.range._id, result.range);
  return { ...toJsonReply(200, result.range._id), effect: { created: result.range._id } };
}

/** Replaces the whole range: members that the caller omits are removed. */
function updateRange(ranges: IpRanges, call: ResourceCall): Reply {
  const existing = findRange(ranges, call);
  if (!existing) return cloudAppsFamily.notFound(call.exchange);
  const result = readRange(call.fields, existing._id, call.nowMs, existing._tid);
  if (result.kind === "invalid") return toJsonReply(400, toFormError(result.value));
  ranges.set(existing._id, result.range);
  return { status: 200, body: "", effect: { updated: existing._id } };
}

function deleteRange(ranges: IpRanges, call: ResourceCall): Reply {
  const existing = findRange(ranges, call);
  if (!existing) return cloudAppsFamily.notFound(call.exchange);
  ranges.delete(existing._id);
  return { status: 200, body: "", effect: { deleted: existing._id } };
}

const hashToId = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 24);

const createdCounts = new WeakMap<IpRanges, number>();

function createId(ranges: IpRanges): string {
  const count = (createdCounts.get(ranges) ?? 0) + 1;
  createdCounts.set(ranges, count);
  return hashToId(`range ${count}`);
}

type RangeResult =
  | { readonly kind: "range"; readonly range: IpRangeItem }
  | { readonly kind: "invalid"; readonly value: string };

function readRange(
  input: Readonly<Record<string, unknown>>,
  _id: string,
  nowMs: number,
  tid: number,
): RangeResult {
  const { name, category, subnets, organization, tags } = input;
  if (typeof name !== "string" || name === "") return { kind: "invalid", value: "name" };
  const number = Number(category);
  if (!(Number.isInteger(number) && number >= 1 && number <= 6))
    return { kind: "invalid", value: String(category) };
  if (!Array.isArray(subnets) || subnets.length === 0) return { kind: "invalid", value: "subnets" };
  const parsedSubnets = subnets.map((text) => readSubnet(String(text)));
  const invalidIndex = parsedSubnets.indexOf(undefined);
  if (invalidIndex >= 0) return { kind: "invalid", value: String(subnets[invalidIndex]) };
  const range: IpRangeItem = {
    _id,
    name,
    category: number,
    subnets: parsedSubnets.filter((one) => one !== undefined),
    organization: typeof organization === "string" ? organization : null,
    location: null,
    tags: (Array.isArray(tags) ? tags : []).map((tag) => ({
      _id: hashToId(String(tag)),
      id: String(tag),
      name: String(tag),
    })),
    lastModified: nowMs + 0.5,
    _tid: tid,
  };
  return { kind: "range", range };
}
