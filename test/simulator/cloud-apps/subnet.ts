/** The IP ranges resource: list, fetch, create, replace, delete. */
import { createHash } from "node:crypto";
import { json, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { field } from "./field.ts";
import { formError, type Fields } from "./filters.ts";
import { readSubnet, type Subnet } from "./ip-address.ts";
import { answerList } from "./lists.ts";
import type { CloudAppsResource, ResourceCall, ResourceRoute } from "./resource.ts";

/** An IP range as the API shows it. */
export interface IpRangeItem {
  readonly _id: string;
  readonly name: string;
  readonly category: number;
  readonly subnets: readonly Subnet[];
  readonly organization: string | null;
  readonly location: { readonly countryCode: string; readonly countryName: string } | null;
  readonly tags: readonly { readonly _id: string; readonly id: string; readonly name: string }[];
  /** Epoch milliseconds with a fraction. */
  readonly lastModified: number;
  /** 0: Microsoft's own, in every tenant. */
  readonly _tid: number;
}

export type IpRanges = Map<string, IpRangeItem>;

/** Three of the tenant's own and one of Microsoft's. */
export function createIpRanges(nowMs: () => number): IpRanges {
  const ranges: IpRanges = new Map();
  const add = (range: Record<string, unknown>, tid: number): void => {
    const read = readRange(range, newId(ranges), nowMs(), tid);
    if (read.kind === "range") ranges.set(read.range._id, read.range);
  };
  add(
    {
      name: "Headquarters",
      category: 1,
      subnets: ["10.0.0.0/8"],
      organization: "Contoso Ltd",
      tags: ["office"],
    },
    97_134_000,
  );
  add(
    { name: "VPN", category: 4, subnets: ["192.0.2.0/24", "2001:db8::/32"], tags: ["vpn"] },
    97_134_000,
  );
  add({ name: "Known bad", category: 3, subnets: ["198.51.100.7"] }, 97_134_000);
  add({ name: "Microsoft Azure", category: 5, subnets: ["203.0.113.0/24"] }, 0);
  return ranges;
}

const fields: Fields<IpRangeItem> = {
  category: field("int", ["eq", "neq"], ({ category }) => [category]),
  tags: field("text", ["eq", "neq"], ({ tags }) => tags.map(({ id }) => id)),
  builtIn: field("bool", ["eq"], ({ _tid }) => [_tid === 0]),
};

export function ipRangesResource(ranges: IpRanges): CloudAppsResource {
  const route = (
    name: string,
    method: string,
    path: string,
    action: ResourceRoute["action"],
    reply: (ranges: IpRanges, call: ResourceCall) => Reply,
  ): ResourceRoute => ({
    name,
    methods: name === "list" ? ["GET", "POST"] : [method],
    path,
    action,
    answer: (call) =>
      isServed(call) ? reply(ranges, call) : cloudAppsFamily.notFound(call.exchange),
  });
  return {
    name: "subnet",
    routes: [
      route("list", "POST", "subnet/", "subnet.read", list),
      route("create_rule", "POST", "subnet/create_rule/", "subnet.write", create),
      route("update_rule", "POST", "subnet/{id}/update_rule/", "subnet.write", update),
      route("fetch", "GET", "subnet/{id}/", "subnet.read", fetchOne),
      route("delete", "DELETE", "subnet/{id}/", "subnet.write", remove),
    ],
  };
}

/** The documents name two places. */
function isServed({ exchange, switches }: ResourceCall): boolean {
  const versioned = /\/v1\//i.test(exchange.path);
  return switches.subnetPlace === "both" || (switches.subnetPlace === "v1") === versioned;
}

const list = (ranges: IpRanges, { exchange, switches }: ResourceCall): Reply =>
  answerList<IpRangeItem>(
    exchange,
    {
      items: () => [...ranges.values()],
      fields,
      sorts: {
        name: ({ name }) => name,
        category: ({ category }) => category,
        tags: ({ tags }) => tags.map(({ id }) => id).join(),
      },
      show: (range) => range,
      wide: false,
    },
    switches.unknownField,
    switches.total,
  );

const rangeOf = (ranges: IpRanges, { exchange }: ResourceCall): IpRangeItem | undefined =>
  ranges.get(exchange.params["id"] ?? "");

function fetchOne(ranges: IpRanges, call: ResourceCall): Reply {
  const range = rangeOf(ranges, call);
  return range ? json(200, range) : cloudAppsFamily.notFound(call.exchange);
}

/** Answers the new id as a JSON string. */
function create(ranges: IpRanges, { fields: given, nowMs }: ResourceCall): Reply {
  const read = readRange(given, newId(ranges), nowMs, 97_134_000);
  if (read.kind === "bad") return json(400, formError(read.value));
  ranges.set(read.range._id, read.range);
  return { ...json(200, read.range._id), effect: { created: read.range._id } };
}

/** Replaces all of it: what the caller leaves out is gone. */
function update(ranges: IpRanges, call: ResourceCall): Reply {
  const old = rangeOf(ranges, call);
  if (!old) return cloudAppsFamily.notFound(call.exchange);
  const read = readRange(call.fields, old._id, call.nowMs, old._tid);
  if (read.kind === "bad") return json(400, formError(read.value));
  ranges.set(old._id, read.range);
  return { status: 200, body: "", effect: { updated: old._id } };
}

function remove(ranges: IpRanges, call: ResourceCall): Reply {
  const old = rangeOf(ranges, call);
  if (!old) return cloudAppsFamily.notFound(call.exchange);
  ranges.delete(old._id);
  return { status: 200, body: "", effect: { deleted: old._id } };
}

const hexId = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 24);

const made = new WeakMap<IpRanges, number>();

function newId(ranges: IpRanges): string {
  const count = (made.get(ranges) ?? 0) + 1;
  made.set(ranges, count);
  return hexId(`range ${count}`);
}

type ReadRange =
  | { readonly kind: "range"; readonly range: IpRangeItem }
  | { readonly kind: "bad"; readonly value: string };

function readRange(
  given: Readonly<Record<string, unknown>>,
  _id: string,
  nowMs: number,
  tid: number,
): ReadRange {
  const { name, category, subnets, organization, tags } = given;
  if (typeof name !== "string" || name === "") return { kind: "bad", value: "name" };
  const number = Number(category);
  if (!(Number.isInteger(number) && number >= 1 && number <= 6))
    return { kind: "bad", value: String(category) };
  if (!Array.isArray(subnets) || subnets.length === 0) return { kind: "bad", value: "subnets" };
  const read = subnets.map((text) => readSubnet(String(text)));
  const wrong = read.indexOf(undefined);
  if (wrong >= 0) return { kind: "bad", value: String(subnets[wrong]) };
  const range: IpRangeItem = {
    _id,
    name,
    category: number,
    subnets: read.filter((one) => one !== undefined),
    organization: typeof organization === "string" ? organization : null,
    location: null,
    tags: (Array.isArray(tags) ? tags : []).map((tag) => ({
      _id: hexId(String(tag)),
      id: String(tag),
      name: String(tag),
    })),
    lastModified: nowMs + 0.5,
    _tid: tid,
  };
  return { kind: "range", range };
}
