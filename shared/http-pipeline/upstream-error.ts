/** Why a call to a service failed, as a code that a runbook can branch on. */
export type UpstreamErrorCode =
  | "unauthorized" // 401: the token was refused, also a fresh one
  | "forbidden" // 403: a permission is missing; another try cannot help
  | "throttled" // 429, or no permit of the shared quota in time
  | "unavailable" // 5xx, a refused or cut connection, or a deadline passed
  | "notFound" // 404 where the client has no better code for it
  | "rejected" // any other 4xx: the request itself is wrong
  | "unexpectedResponse"; // 2xx, but not the documented shape

/** What is known of a failed call in addition to its code. */
export interface UpstreamDetails {
  readonly api: string;
  readonly status?: number | undefined;
  /** The service's own id of the request, for a support case. */
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The service's error code, redacted, or the code of the connection's error. */
  readonly upstreamCode?: string | undefined;
  /** The service's message, redacted. */
  readonly upstreamMessage?: string | undefined;
  /** False when the request certainly did not reach the service. */
  readonly isSent?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * A call that gave no usable response. Carries neither headers nor bodies, so that logging it
 * cannot leak.
 */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly code: UpstreamErrorCode;
  readonly api: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly upstreamCode: string | undefined;
  readonly upstreamMessage: string | undefined;
  /** False when the request certainly did not reach the service, so nothing has changed there. */
  readonly isSent: boolean;

  constructor(code: UpstreamErrorCode, message: string, details: UpstreamDetails) {
    super(message, { cause: details.cause });
    this.code = code;
    this.api = details.api;
    this.status = details.status;
    this.requestId = details.requestId;
    this.retryAfterMs = details.retryAfterMs;
    this.upstreamCode = details.upstreamCode;
    this.upstreamMessage = details.upstreamMessage;
    this.isSent = details.isSent ?? true;
  }

  /** True when the same call may succeed later, unchanged. */
  get isTransient(): boolean {
    return this.code === "throttled" || this.code === "unavailable";
  }
}
