/** Ends one exchange at its deadline and says why an exchange failed. */
import type { Clock } from "../runtime/time.ts";
import type { Failure } from "./retry.ts";

export interface DeadlineWatch {
  /** Aborts at the deadline, or with the caller's own signal. */
  readonly signal: AbortSignal;
  /** Returns what an error of the exchange means: the deadline, or the connection. */
  readonly toFailure: (error: unknown) => Failure;
  readonly stop: () => void;
}

/**
 * Starts the deadline. It covers headers and body together, so a body that trickles does not
 * outlive it.
 */
export function startWatch(
  clock: Clock,
  deadlineMs: number,
  callerSignal: AbortSignal | undefined,
): DeadlineWatch {
  const [deadlineController, stopController] = [new AbortController(), new AbortController()];
  clock.sleep(deadlineMs, stopController.signal).then(
    () => deadlineController.abort(new Error("deadline")),
    () => undefined,
  );
  return {
    signal: callerSignal
      ? AbortSignal.any([callerSignal, deadlineController.signal])
      : deadlineController.signal,
    toFailure: (error) =>
      deadlineController.signal.aborted
        ? { kind: "deadline", deadlineMs }
        : toConnectionFailure(error),
    stop: () => stopController.abort(new Error("done")),
  };
}

/**
 * Errors from before the first byte of the request was sent: nothing can have changed at the
 * service.
 */
const unsentCodes =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|CONNECT_TIMEOUT)$/;
/** The peer's identity is not proven. A retry cannot help, and Huntline never lowers TLS checks. */
const untrustedCodes = /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH/;

function toConnectionFailure(error: unknown): Failure {
  const code = codeOf(error) ?? "UNKNOWN";
  if (untrustedCodes.test(code))
    return { kind: "connection", code, isSent: false, isRetryable: false };
  return { kind: "connection", code, isSent: !unsentCodes.test(code), isRetryable: true };
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
