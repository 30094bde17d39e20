/**
 * The refusal of a request: thrown by domain modules and functions, answered as problem details by
 * `shared/http`.
 */
import type { InputFault } from "./input-faults.ts";

/** The HTTP statuses of refusals, each with the title that states what happened. */
export const problemTitles = {
  400: "Request is invalid",
  401: "Authentication failed",
  403: "Caller lacks the required permission",
  404: "Resource was not found",
  409: "Request conflicts with an earlier request",
  410: "Resource is no longer available",
  411: "Content-Length header is missing",
  413: "Request body is too large",
  415: "Media type or encoding is not supported",
  422: "Request cannot be processed",
  429: "Request limit was reached",
  500: "An internal error occurred",
  503: "Service is temporarily unavailable",
} as const;

export type ProblemStatus = keyof typeof problemTitles;

/**
 * Refuses a request. The message states what happened and what to do next; it holds no body, key or
 * upstream text.
 */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: ProblemStatus;
  readonly errors: readonly InputFault[];
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: ProblemStatus,
    detail: string,
    options: { errors?: readonly InputFault[]; retryAfterSeconds?: number } = {},
  ) {
    super(detail);
    this.status = status;
    this.errors = options.errors ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/**
 * A refusal that passes: 503, or 429 when the caller used up its share. `Retry-After` is in whole
 * seconds.
 */
export const createRetryProblem = (
  detail: string,
  retryAfterMs: number,
  status: 429 | 503 = 503,
): Problem =>
  new Problem(status, detail, { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1_000)) });
