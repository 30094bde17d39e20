/**
 * The refusal of a request: thrown by domain modules and functions, answered as problem details by
 * `shared/http`.
 */
import type { InputFault } from "./input-faults.ts";

/** The HTTP statuses of refusals, with the title of each. */
export const problemTitles = {
  400: "Bad input",
  401: "Not authenticated",
  403: "Not allowed",
  404: "Not found",
  409: "Conflict",
  410: "Gone",
  411: "Length required",
  413: "Body too large",
  415: "Unsupported media type",
  422: "Cannot be processed",
  429: "Too many requests",
  500: "Internal error",
  503: "Temporarily unavailable",
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
