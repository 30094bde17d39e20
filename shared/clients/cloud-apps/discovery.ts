/** Cloud discovery: traffic logs uploaded in three steps, streams, discovered-app categories, block scripts. */
import * as z from "zod/mini";
import type { Pipe } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import { unexpected, type Item } from "./lists.ts";

/** Appliances that a block script can be made for, with the API's numbers. */
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
  /** Reads the log from a position, so that a block can be sent again. */
  readonly read: (from: number, to: number) => Promise<Uint8Array>;
  readonly inputStreamName: string;
  /** A snapshot report instead of the continuous one. */
  readonly asSnapshot?: boolean;
}

const uploadUrl = z.object({ url: z.url(), provider: z.string() });
const streamList = z.union([
  z.array(z.record(z.string(), z.unknown())),
  z.record(z.string(), z.unknown()),
]);
const categories = z.array(z.object({ id: z.string(), total: z.number() }));

/** One PUT up to here, blocks above; the service takes 5 GB. */
export const singlePutBytes = 64 * 2 ** 20;
export const largestLogBytes = 5 * 2 ** 30;
const blockBytes = 16 * 2 ** 20;

/** @param put - sends bytes to the signed address; no header of ours, least of all a token, goes there */
export const discoveryResource = (pipe: Pipe, put: PutSigned = putSigned) => ({
  /**
   * Uploads a log. Success means that it is queued for parsing; the verdict comes minutes later, in the portal.
   *
   * @throws RangeError above 5 GB
   */
  upload: async (
    log: TrafficLog,
    progress: (sentBytes: number) => void = () => undefined,
  ): Promise<void> => {
    if (log.bytes > largestLogBytes)
      throw new RangeError(`the log has ${log.bytes} bytes, want at most ${largestLogBytes}`);
    const query = { filename: log.filename, source: log.source };
    const answer = await pipe.send({ method: "GET", path: "/api/v1/discovery/upload_url/", query });
    const place = uploadUrl.safeParse(answer.body).data;
    if (!place) throw unexpected(answer, "an upload address");
    await (log.bytes <= singlePutBytes
      ? putWhole(put, place.url, log)
      : putBlocks(put, place.url, log, progress));
    progress(log.bytes);
    const done = {
      uploadUrl: place.url,
      inputStreamName: log.inputStreamName,
      ...(log.asSnapshot === true ? { uploadAsSnapshot: true } : {}),
    };
    await pipe.send({ method: "POST", path: "/api/v1/discovery/done_upload/", json: done });
  },
  /** The continuous reports; the API answers one of them as an object, not as a list. */
  streams: async (): Promise<readonly Item[]> => {
    const answer = await pipe.send({ method: "GET", path: "/api/discovery/streams/" });
    const found = streamList.safeParse(answer.body).data;
    if (!found) throw unexpected(answer, "a list of streams");
    return Array.isArray(found)
      ? found
      : Array.isArray(found["streams"])
        ? (found["streams"] as Item[])
        : [found];
  },
  /** How many discovered apps of each category a stream saw. */
  categories: async (
    streamId: string,
    options: { readonly timeFrame?: number; readonly filters?: object } = {},
  ) => {
    const answer = await pipe.send({
      method: "POST",
      path: "/api/v1/discovery/discovered_apps/categories/",
      json: { streamId, ...options },
    });
    const found = categories.safeParse(answer.body).data;
    if (!found) throw unexpected(answer, "a list of categories");
    return found;
  },
  /** The script that blocks what was marked unsanctioned, as text for the appliance. */
  blockScript: async (format: BlockScriptFormat): Promise<string> => {
    const query = { format: String(blockScriptFormats[format]), type: "banned" };
    const answer = await pipe.send({ method: "GET", path: "/api/discovery_block_scripts/", query });
    if (typeof answer.body !== "string") throw unexpected(answer, "a script");
    return answer.body;
  },
});

/** Sends bytes to an address that carries its own authority. */
export type PutSigned = (
  url: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
) => Promise<void>;

const putWhole = async (put: PutSigned, url: string, log: TrafficLog): Promise<void> =>
  put(url, await log.read(0, log.bytes), { "x-ms-blob-type": "BlockBlob" });

/** Blocks one after the other, then their list: memory holds one block, a failed block is sent again alone. */
async function putBlocks(
  put: PutSigned,
  url: string,
  log: TrafficLog,
  progress: (sentBytes: number) => void,
): Promise<void> {
  const ids: string[] = [];
  for (let from = 0; from < log.bytes; from += blockBytes) {
    const to = Math.min(from + blockBytes, log.bytes);
    const id = Buffer.from(String(ids.length).padStart(8, "0")).toString("base64");
    await put(withQuery(url, { comp: "block", blockid: id }), await log.read(from, to), {});
    ids.push(id);
    progress(to);
  }
  const list = `<?xml version="1.0" encoding="utf-8"?><BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join("")}</BlockList>`;
  await put(withQuery(url, { comp: "blocklist" }), Buffer.from(list), {
    "content-type": "application/xml",
  });
}

function withQuery(address: string, more: Readonly<Record<string, string>>): string {
  const url = new URL(address);
  for (const [name, value] of Object.entries(more)) url.searchParams.set(name, value);
  return url.href;
}

const tries = 3;
const putDeadlineMs = 300_000;

/** The address is a secret while it lives: it is named in no error. */
async function putSigned(
  url: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    const body = new Uint8Array(bytes);
    const reply = await fetch(url, {
      method: "PUT",
      body,
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(putDeadlineMs),
    }).catch(() => undefined);
    await reply?.body?.cancel();
    if (reply?.ok) return;
    const hopeless = reply !== undefined && reply.status < 500 && reply.status !== 429;
    if (hopeless || tried >= tries)
      throw new UpstreamError(
        hopeless ? "rejected" : "unavailable",
        "Cloud Apps: the log's storage did not take it",
        {
          api: "cloud-apps",
          status: reply?.status,
        },
      );
  }
}
