/**
 * The interface of the HTTP pipeline under every client of a Microsoft API. `send` acquires a
 * permit of the shared quota, adds the token, keeps the deadline, follows no redirect, retries by
 * kind of failure and redacts its errors.
 */
import type { Permit } from "./quota/quota.ts";

/** The APIs with a quota of their own. */
export type ApiName = "hunting" | "files" | "cloud-apps";

/** One request. */
export interface ApiCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path below the base URL, each segment already encoded: `/v1.0/security/runHuntingQuery`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Body as JSON. Ignored when `form` is present. */
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Deadline for the whole exchange, body included. @default the client's */
  readonly deadlineMs?: number;
  /** Number of tries when the failure is transient; 1 means no retry. @default 3 */
  readonly tries?: number;
  /** A permit acquired for this call. Without it the pipeline acquires one. */
  readonly permit?: Permit;
  /** Longest total wait for permits and pauses. @default the client's */
  readonly maxWaitMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * A response whose body is read and parsed as JSON, or is the text where it is not JSON. Has a 2xx
 * status or one of the expected statuses.
 */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  readonly requestId: string | undefined;
}

/** A response whose body is not read yet, for results too large to hold in memory. */
export interface StreamedResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly requestId: string | undefined;
  /** Throws UpstreamError `unavailable` when the body is cut or the deadline passes. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ApiClient {
  /** Scheme, host and port of the API. */
  readonly origin?: string;
  /**
   * Sends one call and reads its response.
   *
   * @param expectedStatuses - statuses other than 2xx that the client reads itself, such as 404 or
   *   400
   * @throws UpstreamError
   */
  readonly send: (call: ApiCall, expectedStatuses?: readonly number[]) => Promise<ApiResponse>;
  /** As `send`, but a 2xx body is streamed. With an expected status the body is read. */
  readonly stream: (
    call: ApiCall,
    expectedStatuses?: readonly number[],
  ) => Promise<StreamedResponse | ApiResponse>;
}
