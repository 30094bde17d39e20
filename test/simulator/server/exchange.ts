/** One request on its way through the tenant, and what goes back. */
import type { IncomingHttpHeaders } from "node:http";
import type { ErrorFamily } from "./families.ts";
import type { RequestRecord } from "./request-log.ts";

/** The listeners of the tenant; each has its own address. */
export const services = ["entra", "identity", "vault", "graph", "defender", "cloud-apps"] as const;
export type Service = (typeof services)[number];

/** What shares a quota and a log column. Graph and Defender hunting are one API here: they share the tenant's quota. */
export type Api = "entra" | "identity" | "vault" | "hunting" | "files" | "cloud-apps" | "storage";

/** A request, read whole. */
export interface Exchange {
  readonly service: Service;
  readonly method: string;
  /** As sent, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly bodyText: string;
  /** Path parameters of the matched route, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly arrivedAtMs: number;
  /** `http://host:port` as the caller wrote it. */
  readonly origin: string;
  readonly requestId: string;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
  readonly record: RequestRecord;
}

/** An answer. A body in pieces is streamed; `effect` is kept in the request log for oracles. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<string | Buffer> | Iterable<string | Buffer>;
  readonly effect?: unknown;
}

/** A path the tenant answers. `{name}` in the pattern takes one segment. */
export interface Route {
  readonly api: Api;
  /** For the log and for faults: `graph`, `statistics`, `alerts.close_benign`. */
  readonly name: string;
  readonly methods: readonly string[];
  readonly pattern: string;
  readonly family: ErrorFamily;
  readonly answer: (exchange: Exchange) => Reply | Promise<Reply>;
}

/** An answer in JSON. */
export const toJsonReply = (
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): Reply => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", ...headers },
  body: JSON.stringify(value),
});

/** An answer in HTML, as gateways in front of an API give. */
export const toHtmlReply = (status: number, title: string): Reply => ({
  status,
  headers: { "content-type": "text/html" },
  body: `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n</body>\r\n</html>\r\n`,
});

/** The header of a wait, in whole seconds rounded up; none when the switch says so. */
export const toRetryAfterHeader = (ms: number | undefined): Record<string, string> =>
  ms === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(ms / 1_000))) };
