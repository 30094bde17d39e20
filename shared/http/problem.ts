/** What a refused HTTP request is told: RFC 9457 `application/problem+json`, never a stack, an upstream body or a key. */

/** The statuses that Huntline answers a refusal with, and their titles. */
export const problemTitles = {
  400: "Bad input",
  401: "Not authenticated",
  403: "Not allowed",
  404: "Not found",
  409: "Conflict",
  411: "Length required",
  413: "Body too large",
  415: "Unsupported media type",
  422: "Cannot be processed",
  429: "Too many requests",
  500: "Internal error",
  503: "Temporarily unavailable",
} as const;

export type ProblemStatus = keyof typeof problemTitles;

/** One fault of the input: `path` as a JSON pointer, `message` with the expected form. */
export interface InputFault {
  readonly path: string;
  readonly message: string;
}

/** Thrown by a door to refuse a request; the guard in `functions/index.ts` turns it into the answer. */
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

/** A refusal that passes: 503, or 429 where the caller's own share is used up, with `Retry-After` in whole seconds. */
export const createRetryProblem = (
  detail: string,
  retryAfterMs: number,
  status: 429 | 503 = 503,
): Problem =>
  new Problem(status, detail, { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1_000)) });

/** The body of a refusal; `instance` is the correlation id to quote when asking for help. */
export const toProblemBody = (problem: Problem, correlationId: string): object => ({
  type: "about:blank",
  title: problemTitles[problem.status],
  status: problem.status,
  detail: problem.message,
  instance: `urn:uuid:${correlationId}`,
  ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
});

interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string | undefined;
  readonly keys?: readonly string[];
}

/** The faults that a zod schema found, each under the JSON pointer of its field; unknown keys are named one by one. */
export const toInputFaults = (error: { readonly issues: readonly unknown[] }): InputFault[] =>
  (error.issues as readonly SchemaIssue[]).flatMap((issue) =>
    issue.code === "unrecognized_keys" && issue.keys
      ? issue.keys.map((key) => ({
          path: toPointer([...issue.path, key]),
          message: "unknown key; remove it or check its spelling",
        }))
      : [{ path: toPointer(issue.path), message: issue.message }],
  );

const toPointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
