/** Builds the error of a failed call: redacted, and logged when a person has to act. */
import type { Log } from "../runtime/log.ts";
import type { ApiName } from "./api-client.ts";
import { readFailure } from "./read-failure.ts";
import { redact } from "./redact.ts";
import type { Failure, RetryDecision } from "./retry.ts";
import { UpstreamError } from "./upstream-error.ts";

/** One failed exchange. */
export interface FailedExchange {
  readonly failure: Failure;
  readonly decision: RetryDecision;
  readonly requestId: string | undefined;
  /** The token of this exchange; it must not appear in the error. */
  readonly secret: string;
}

const maxCodeLength = 60;

/** Builds the error, and logs `upstream.refused` when the call will not succeed later by itself. */
export function createUpstreamError(
  { api, log }: { readonly api: ApiName; readonly log: Log },
  { failure, decision, requestId, secret }: FailedExchange,
): UpstreamError {
  const status = "status" in failure ? failure.status : undefined;
  const { code, message } = readDetails(failure);
  const error = new UpstreamError(decision.code, `${api}: ${decision.why}`, {
    api,
    status,
    requestId: requestId && redact(requestId, [secret]),
    retryAfterMs: decision.retryAfterMs,
    upstreamCode: code && redact(code, [secret]).slice(0, maxCodeLength),
    upstreamMessage: message === undefined ? undefined : redact(message, [secret]),
    isSent: failure.kind !== "connection" || failure.isSent,
  });
  if (!error.isTransient || decision.retry === "never")
    log("upstream.refused", {
      api,
      status,
      code: error.upstreamCode ?? error.code,
      requestId: error.requestId,
    });
  return error;
}

function readDetails(failure: Failure): { code: string | undefined; message: string | undefined } {
  if (failure.kind === "status") return readFailure(failure.body);
  return { code: failure.kind === "connection" ? failure.code : undefined, message: undefined };
}
