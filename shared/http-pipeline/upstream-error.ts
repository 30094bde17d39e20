/** Why a call to the outside failed, in words a runbook can branch on. */
export type UpstreamErrorCode =
  | "unauthorized" // 401: the token was refused, also a fresh one
  | "forbidden" // 403: a permission is missing; trying again cannot help
  | "throttled" // 429, or no turn of the shared quota in time
  | "unavailable" // 5xx, refused or cut connection, or a deadline passed
  | "not-found" // 404 where the caller has no better word for it
  | "rejected" // any other 4xx: the request itself is wrong
  | "unexpected-answer"; // 2xx, but not the documented shape

/** What is known of a failed call besides its code. */
export interface UpstreamDetails {
  readonly api: string;
  readonly status?: number | undefined;
  /** The service's own ids of the request, for a support case. */
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The service's error code and the class of its message, never a body. */
  readonly upstreamCode?: string | undefined;
  readonly upstreamMessage?: string | undefined;
  /** False when the request surely never reached the service. */
  readonly isSent?: boolean | undefined;
  readonly cause?: unknown;
}

/** A call that gave no usable answer. Carries neither headers nor bodies, so that logging it cannot leak. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly code: UpstreamErrorCode;
  readonly api: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly upstreamCode: string | undefined;
  /** First 300 characters of the service's message, redacted: for people and for telling message classes apart. */
  readonly upstreamMessage: string | undefined;
  /** False when the request surely never reached the service: nothing can have changed there. */
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
