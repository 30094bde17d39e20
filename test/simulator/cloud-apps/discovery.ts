/**
 * Cloud discovery: the three upload steps, streams, categories of discovered apps, block scripts.
 */
import { createHash, randomBytes } from "node:crypto";
import { toJsonReply, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { toFormError } from "./filters.ts";
import { logSources } from "./log-sources.ts";
import type { CloudAppsResource, ResourceCall, ResourceRoute } from "./resource.ts";

/** A log upload in progress. */
export interface Upload {
  readonly id: string;
  readonly url: string;
  readonly filename: string;
  readonly source: string;
  /** Signature in the URL; the storage refuses requests without it. */
  readonly signature: string;
  /** Blocks that no block list has named yet. */
  readonly blocks: Map<string, Buffer>;
  content?: { readonly bytes: number; readonly sha256: string; readonly blocks: number };
  stream?: string;
  isSnapshot?: boolean;
}

/** A continuous report. */
interface Stream {
  readonly _id: string;
  readonly displayName: string;
  /** 1 input, 3 view, 5 preview. */
  readonly streamType: number;
  readonly lastDataReceived: number;
}

export interface Discovery {
  readonly uploads: Map<string, Upload>;
  readonly streams: Stream[];
  readonly nowMs: () => number;
}

export const createDiscovery = (nowMs: () => number): Discovery => ({
  uploads: new Map(),
  streams: [
    {
      _id: "5d0b0000000000000000aa01",
      displayName: "Headquarters",
      streamType: 1,
      lastDataReceived: nowMs(),
    },
    {
      _id: "5d0b0000000000000000aa02",
      displayName: "All traffic",
      streamType: 3,
      lastDataReceived: nowMs(),
    },
  ],
  nowMs,
});

export const uploadPath = "/discovery-logs/";

export function createDiscoveryResources(discovery: Discovery): readonly CloudAppsResource[] {
  const defineRoute = (
    name: string,
    method: string,
    path: string,
    action: ResourceRoute["action"],
    answer: (discovery: Discovery, call: ResourceCall) => Reply,
  ): ResourceRoute => ({
    name,
    methods: [method],
    path,
    action,
    answer: (call) => answer(discovery, call),
  });
  return [
    {
      name: "discovery",
      routes: [
        defineRoute(
          "upload_url",
          "GET",
          "discovery/upload_url/",
          "discovery.write",
          createUploadUrl,
        ),
        defineRoute(
          "done_upload",
          "POST",
          "discovery/done_upload/",
          "discovery.write",
          finishUpload,
        ),
        defineRoute("streams", "GET", "discovery/streams/", "discovery.read", listStreams),
        defineRoute(
          "categories",
          "POST",
          "discovery/discovered_apps/categories/",
          "discovery.read",
          listCategories,
        ),
      ],
    },
    {
      name: "discovery_block_scripts",
      routes: [
        defineRoute(
          "script",
          "GET",
          "discovery_block_scripts/",
          "discovery.write",
          createBlockScript,
        ),
      ],
    },
  ];
}

function createUploadUrl(discovery: Discovery, { fields, exchange }: ResourceCall): Reply {
  const [filename, source] = [fields["filename"], fields["source"]];
  if (typeof filename !== "string" || filename === "")
    return toJsonReply(400, toFormError("filename"));
  if (typeof source !== "string" || !logSources.has(source))
    return toJsonReply(400, toFormError(String(source)));
  const [id, signature] = [randomBytes(12).toString("hex"), randomBytes(24).toString("base64url")];
  const blobUrl = `${exchange.origin}${uploadPath}${id}/${encodeURIComponent(filename)}`;
  const url = `${blobUrl}?sv=2024-11-04&sr=b&sp=w&sig=${signature}`;
  discovery.uploads.set(id, { id, url, filename, source, signature, blocks: new Map() });
  return { ...toJsonReply(200, { url, provider: "azure" }), effect: { upload: id } };
}

/** The log is queued for parsing; the answer does not contain the parser's result. */
function finishUpload(
  { uploads, streams: existing, nowMs }: Discovery,
  { fields, exchange }: ResourceCall,
): Reply {
  const upload = [...uploads.values()].find(({ url }) => url === fields["uploadUrl"]);
  const name = fields["inputStreamName"];
  if (!upload?.content) return cloudAppsFamily.badRequest(exchange, "uploadUrl holds no log");
  if (typeof name !== "string" || name === "")
    return toJsonReply(400, toFormError("inputStreamName"));
  upload.stream = name;
  upload.isSnapshot = fields["uploadAsSnapshot"] === true;
  if (!upload.isSnapshot && !existing.some(({ displayName }) => displayName === name))
    existing.push({
      _id: hashToId(name),
      displayName: name,
      streamType: 1,
      lastDataReceived: nowMs(),
    });
  return { ...toJsonReply(200, { success: true }), effect: { queued: upload.id } };
}

const hashToId = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 24);

/** The documents say a list but show one object: a single stream is returned as an object. */
const listStreams = (discovery: Discovery): Reply =>
  toJsonReply(200, discovery.streams.length === 1 ? discovery.streams[0] : discovery.streams);

const categoryTotals = [
  ["SAASDB_CATEGORY_CLOUD_STORAGE", 14],
  ["SAASDB_CATEGORY_WEBMAIL", 9],
  ["SAASDB_CATEGORY_GENERATIVE_AI", 5],
] as const;

function listCategories(
  { streams: existing }: Discovery,
  { fields, exchange }: ResourceCall,
): Reply {
  const { streamId, skip, limit } = fields;
  if (typeof streamId !== "string") return toJsonReply(400, toFormError("streamId"));
  if (!existing.some(({ _id }) => _id === streamId)) return cloudAppsFamily.notFound(exchange);
  const from = Number(skip ?? 0);
  const page = categoryTotals.slice(from, from + Number(limit ?? 100));
  return toJsonReply(
    200,
    page.map(([id, total]) => ({ id, total })),
  );
}

/** The block script for an appliance, by format number. */
const scripts: Readonly<Record<string, (host: string) => string>> = {
  "102": (host) => `define condition blocked url.domain=${host} end`,
  "104": (host) => `object network ${host}\n fqdn ${host}`,
  "108": (host) => `config webfilter urlfilter edit 1 set url "${host}" set action block`,
  "112": (host) => `set profiles custom-url-category blocked list ${host}`,
  "120": (host) => host,
  "129": (host) => `set security utm custom-objects url-pattern blocked value ${host}`,
  "135": (host) => `block ${host}`,
};
const banned = ["files.example", "paste.example"];

function createBlockScript(_: Discovery, { fields }: ResourceCall): Reply {
  const writeRule = scripts[String(fields["format"])];
  if (!writeRule) return toJsonReply(400, toFormError(String(fields["format"])));
  if (fields["type"] !== "banned") return toJsonReply(400, toFormError(String(fields["type"])));
  return {
    status: 200,
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: `${banned.map(writeRule).join("\n")}\n`,
  };
}
