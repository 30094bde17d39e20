/** One request to the simulator and its reply. */
import type { IncomingHttpHeaders } from "node:http";
import type { ErrorFamily } from "./families.ts";
import type { RequestRecord } from "./request-log.ts";

/** The simulated services; each has its own address. */
export const services = ["entra", "identity", "vault", "graph", "defender", "cloud-apps"] as const;
export type Service = (typeof services)[number];

/**
 * APIs by quota and log column. Graph and Defender hunting are one API, because they share the
 * tenant's quota.
 */
export type Api = "entra" | "identity" | "vault" | "hunting" | "files" | "cloud-apps" | "storage";

/** A request with its whole body. */
export interface Exchange {
  readonly service: Service;
  readonly method: string;
  /** As sent, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly bodyText: string;
  /** Decoded path parameters of the matched route. */
  readonly params: Readonly<Record<string, string>>;
  readonly arrivedAtMs: number;
  /** `http://host:port` as the caller wrote it. */
  readonly origin: string;
  readonly requestId: string;
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal;
  readonly record: RequestRecord;
}

/** A reply. A body in pieces is streamed; the request log keeps `effect` for tests. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<string | Buffer> | Iterable<string | Buffer>;
  readonly effect?: unknown;
}

/** A path of a service. `{name}` in the pattern matches one segment. */
export interface Route {
  readonly api: Api;
  /** Name in the log and in faults: `graph`, `statistics`, `alerts.close_benign`. */
  readonly name: string;
  readonly methods: readonly string[];
  readonly pattern: string;
  readonly family: ErrorFamily;
  readonly answer: (exchange: Exchange) => Reply | Promise<Reply>;
}

/** Returns a reply in JSON. */
export const toJsonReply = (
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): Reply => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", ...headers },
  body: JSON.stringify(value),
});

/** Returns a reply in HTML, as a gateway in front of an API sends. */
export const toHtmlReply = (status: number, title: string): Reply => ({
  status,
  headers: { "content-type": "text/html" },
  body: `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n</body>\r\n</html>\r\n`,
});

/** Returns Retry-After in whole seconds rounded up; empty if the behavior turns it off. */
export const toRetryAfterHeader = (ms: number | undefined): Record<string, string> =>
  ms === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(ms / 1_000))) };
