/**
 * The shape of the pipe under every client of a Microsoft API: one `send` that takes a turn of the shared quota,
 * adds the token, keeps the deadline, follows no redirect, retries by message class and redacts what it reports.
 */
import type { Permit } from "./quota/quota.ts";

/** The APIs with a quota of their own. */
export type ApiName = "hunting" | "files" | "cloud-apps";

/** One request in our words. */
export interface ApiCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path below the base URL, each segment already encoded: `/v1.0/security/runHuntingQuery`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless `form` or `bytes` is given. */
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Deadline for the whole exchange, body included; the API's default when absent. */
  readonly deadlineMs?: number;
  /** How often to try in all when the answer is a passing failure; 1 = never again. Default 3. */
  readonly tries?: number;
  /** A turn already taken for this call; otherwise the pipe takes one, waiting at most `maxWaitMs`. */
  readonly permit?: Permit;
  readonly maxWaitMs?: number;
  readonly signal?: AbortSignal;
}

/** An answer with its body read and parsed as JSON (text where it is no JSON). Only 2xx and `expectedStatuses`ed statuses come back. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  readonly requestId: string | undefined;
}

/** An answer whose body is still to be read, for results too large to hold. */
export interface StreamedResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly requestId: string | undefined;
  /** Throws UpstreamError `unavailable` when the body is cut or the deadline passes. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ApiClient {
  /**
   * @param expectedStatuses - statuses besides 2xx that the client reads itself, such as 404 or 400
   * @throws UpstreamError
   */
  readonly send: (call: ApiCall, expectedStatuses?: readonly number[]) => Promise<ApiResponse>;
  /** As `send`, but a 2xx body is streamed; an `expectedStatuses`ed status comes back with its body read. */
  readonly stream: (
    call: ApiCall,
    expectedStatuses?: readonly number[],
  ) => Promise<StreamedResponse | ApiResponse>;
}
