/** What the alerts room asks of the outside, in its own words. */
import type { AlertId } from "../contracts/alert-id.ts";
import type { VerdictReason } from "../contracts/alert-verdict.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import type { Clock } from "../runtime/time.ts";
import type { Closure } from "./closures.ts";
import type { Failpoint } from "../runtime/failpoints.ts";

/** A permission to make one call, taken before the records are claimed, handed back with the call. */
export interface Permit {
  readonly usableUntilMs: number;
}

export type PermitResult =
  | { readonly kind: "permit"; readonly permit: Permit }
  | { readonly kind: "later"; readonly retryAfterMs: number };

/** One closing, the same for every alert of a group. */
export interface CloseRequest {
  readonly closure: Closure;
  readonly reason?: VerdictReason | undefined;
  readonly comment?: string | undefined;
  readonly feedback?: Feedback | undefined;
}

/** What Cloud Apps may be told about the detection itself, and whether Microsoft may ask back. */
export interface Feedback {
  readonly text?: string | undefined;
  readonly allowContact?: boolean | undefined;
  readonly contactEmail?: string | undefined;
}

/** What came of a call that changes alerts. `unknown`: it may have been carried out, its answer was lost. */
export type ChangeReply =
  | { readonly kind: "answer"; readonly changed: number; readonly notFound: readonly string[] }
  | { readonly kind: "later"; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

/** An alert's state as Cloud Apps shows it. */
export type AlertState = "open" | Closure | "dismissed" | "resolved" | "unknown-state";

export type AlertStatesReply =
  | { readonly kind: "answer"; readonly alerts: ReadonlyMap<AlertId, AlertState> }
  | { readonly kind: "later"; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly message: string };

/** Cloud Apps, as far as this room needs it. Only explicit ids, 1 to 100 of them, ever leave through it. */
export interface AlertsPort {
  readonly acquirePermit: (maxWaitMs: number) => Promise<PermitResult>;
  readonly close: (
    ids: readonly AlertId[],
    request: CloseRequest,
    permit: Permit,
  ) => Promise<ChangeReply>;
  readonly reopen: (ids: readonly AlertId[], comment: string | undefined) => Promise<ChangeReply>;
  /** One list call for all ids; an id that Cloud Apps does not know is absent from the map. */
  readonly getStates: (ids: readonly AlertId[]) => Promise<AlertStatesReply>;
}

/** Writes one audit record, durable before it resolves. */
export type AuditWriter = (event: AuditEvent) => Promise<void>;

/** What the audit log is told of an outbound change: the intent before it, the outcome after it. */
export interface AuditEvent {
  readonly kind: "intent" | "outcome" | "conflict";
  /** Joins an intent with its outcome. */
  readonly call: string;
  readonly action: "close" | "reopen";
  readonly closure?: Closure | undefined;
  readonly reason?: VerdictReason | undefined;
  readonly alertIds: readonly string[];
  /** Requests that asked for it. */
  readonly verdicts: readonly string[];
  readonly requestedBy?: readonly string[] | undefined;
  readonly outcomes?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly former?: string | undefined;
}

/** Everything the desk works with. */
export interface AlertDeps {
  readonly store: RecordStore;
  readonly queues: MessageQueues;
  readonly alerts: AlertsPort;
  readonly writeAudit: AuditWriter;
  readonly clock: Clock;
  /**
   * How long to wait, ms, before what a call needs can be had: its token, the audit's key. 0: all is at hand. A vault that
   * is away for hours must not cost a message its five lives.
   */
  readonly readyInMs: () => Promise<number>;
  /** A new unique id, for owners and calls. */
  readonly newId: () => string;
  /** Reaches a named kill point. */
  readonly failpoint: Failpoint;
  /** Groups that this process is closing right now: its other workers wait for the call instead of spending a turn of their own. */
  readonly closingGroups: Map<string, Promise<unknown>>;
  readonly logEvent: (
    event: "verdict.accepted" | "verdict.outcome",
    fields: Readonly<Record<string, string | number>>,
  ) => void;
}
