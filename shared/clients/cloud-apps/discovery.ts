/**
 * Cloud discovery: upload of traffic logs in three steps, streams, categories of discovered apps,
 * block scripts.
 */
import * as z from "zod/mini";
import type { ApiClient } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import { createUnexpectedError, type Item } from "./lists.ts";

/** Appliances for which the API creates a block script, with the API's numbers. */
export const blockScriptFormats = {
  bluecoat: 102,
  "cisco-asa": 104,
  fortigate: 108,
  "palo-alto": 112,
  zscaler: 120,
  "juniper-srx": 129,
  websense: 135,
} as const;
export type BlockScriptFormat = keyof typeof blockScriptFormats;

/** A traffic log to upload. `source` is the appliance, such as GENERIC_CEF or PALO_ALTO. */
export interface TrafficLog {
  readonly filename: string;
  readonly source: string;
  readonly bytes: number;
  /** Reads a range of the log, so that a block can be sent again. */
  readonly read: (from: number, to: number) => Promise<Uint8Array>;
  readonly inputStreamName: string;
  /** True for a snapshot report instead of the continuous one. */
  readonly isSnapshot?: boolean;
}

const uploadUrlSchema = z.object({ url: z.url(), provider: z.string() });
const streamListSchema = z.union([
  z.array(z.record(z.string(), z.unknown())),
  z.record(z.string(), z.unknown()),
]);
const categoriesSchema = z.array(z.object({ id: z.string(), total: z.number() }));

/** One PUT up to this size, blocks above it. The service accepts 5 GB. */
export const singlePutBytes = 64 * 2 ** 20;
export const maxLogBytes = 5 * 2 ** 30;
const blockBytes = 16 * 2 ** 20;

async function requestUploadAddress(
  client: ApiClient,
  { filename, source }: TrafficLog,
): Promise<string> {
  const response = await client.send({
    method: "GET",
    path: "/api/v1/discovery/upload_url/",
    query: { filename, source },
  });
  const target = uploadUrlSchema.safeParse(response.body).data;
  if (!target) throw createUnexpectedError(response, "an upload address");
  if (!isUploadAddress(target.url, client.origin))
    throw createUnexpectedError(response, "an https address of Azure Storage");
  return target.url;
}

/** @param put - sends bytes to the signed address, without a token */
export const createDiscoveryResource = (client: ApiClient, put: SignedPut = putSigned) => ({
  /**
   * Uploads a log. Success means that it is queued for parsing; the portal shows the result minutes
   * later.
   *
   * @throws RangeError above 5 GB
   */
  upload: async (
    log: TrafficLog,
    onProgress: (sentBytes: number) => void = () => undefined,
  ): Promise<void> => {
    if (log.bytes > maxLogBytes)
      throw new RangeError(`the log must be at most ${maxLogBytes} bytes; it has ${log.bytes}`);
    const url = await requestUploadAddress(client, log);
    await (log.bytes <= singlePutBytes
      ? putWhole(put, url, log)
      : putBlocks(put, url, log, onProgress));
    onProgress(log.bytes);
    const completion = {
      uploadUrl: url,
      inputStreamName: log.inputStreamName,
      ...(log.isSnapshot === true ? { uploadAsSnapshot: true } : {}),
    };
    await client.send({ method: "POST", path: "/api/v1/discovery/done_upload/", json: completion });
  },
  /** Lists the continuous reports. The API returns a single one as an object, not as a list. */
  listStreams: async (): Promise<readonly Item[]> => {
    const response = await client.send({ method: "GET", path: "/api/discovery/streams/" });
    const parsed = streamListSchema.safeParse(response.body).data;
    if (!parsed) throw createUnexpectedError(response, "a list of streams");
    return Array.isArray(parsed)
      ? parsed
      : Array.isArray(parsed["streams"])
        ? (parsed["streams"] as Item[])
        : [parsed];
  },
  /** Returns the number of discovered apps per category of a stream. */
  listCategories: async (
    streamId: string,
    options: { readonly timeFrame?: number; readonly filters?: object } = {},
  ) => {
    const response = await client.send({
      method: "POST",
      path: "/api/v1/discovery/discovered_apps/categories/",
      json: { streamId, ...options },
    });
    const parsed = categoriesSchema.safeParse(response.body).data;
    if (!parsed) throw createUnexpectedError(response, "a list of categories");
    return parsed;
  },
  /** Returns the script that blocks unsanctioned apps, as text for the appliance. */
  getBlockScript: async (format: BlockScriptFormat): Promise<string> => {
    const query = { format: String(blockScriptFormats[format]), type: "banned" };
    const response = await client.send({
      method: "GET",
      path: "/api/discovery_block_scripts/",
      query,
    });
    if (typeof response.body !== "string") throw createUnexpectedError(response, "a script");
    return response.body;
  },
});

/** Sends bytes to an address that carries its own authority. */
/** Hosts of Azure Blob Storage in the public and the government clouds. */
const storageHost = /^[a-z\d-]{1,63}\.blob\.core\.(?:windows\.net|usgovcloudapi\.net)$/;

/**
 * True for Azure Storage over https, and for the API's own origin: no other host receives a log.
 */
function isUploadAddress(address: string, apiOrigin: string | undefined): boolean {
  const { hostname, origin, port, protocol } = new URL(address);
  const isStorage = protocol === "https:" && port === "" && storageHost.test(hostname);
  return isStorage || origin === apiOrigin;
}

type SignedPut = (
  url: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
) => Promise<void>;

const putWhole = async (put: SignedPut, url: string, log: TrafficLog): Promise<void> =>
  put(url, await log.read(0, log.bytes), { "x-ms-blob-type": "BlockBlob" });

/**
 * Sends blocks one after the other, then their list: memory holds one block, and only a failed
 * block is sent again.
 */
async function putBlocks(
  put: SignedPut,
  url: string,
  log: TrafficLog,
  onProgress: (sentBytes: number) => void,
): Promise<void> {
  const ids: string[] = [];
  for (let from = 0; from < log.bytes; from += blockBytes) {
    const to = Math.min(from + blockBytes, log.bytes);
    const id = Buffer.from(String(ids.length).padStart(8, "0")).toString("base64");
    await put(addQuery(url, { comp: "block", blockid: id }), await log.read(from, to), {});
    ids.push(id);
    onProgress(to);
  }
  const list = `<?xml version="1.0" encoding="utf-8"?><BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join("")}</BlockList>`;
  await put(addQuery(url, { comp: "blocklist" }), Buffer.from(list), {
    "content-type": "application/xml",
  });
}

function addQuery(address: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(address);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

const maxTries = 3;
const putDeadlineMs = 300_000;

/**
 * Sends bytes to the signed address. The address is a secret until it expires, so no error names
 * it.
 */
async function putSigned(
  url: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const body = new Uint8Array(bytes);
    const response = await fetch(url, {
      method: "PUT",
      body,
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(putDeadlineMs),
    }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    const isHopeless = response !== undefined && response.status < 500 && response.status !== 429;
    if (isHopeless || attempt >= maxTries)
      throw new UpstreamError(
        isHopeless ? "rejected" : "unavailable",
        "Cloud Apps: the storage refused the log",
        {
          api: "cloud-apps",
          status: response?.status,
        },
      );
  }
}
