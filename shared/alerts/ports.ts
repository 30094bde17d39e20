/** The dependencies of the alerts module, in its own words. */
import type { AlertId } from "../contracts/alert-id.ts";
import type { VerdictMessage, VerdictReason } from "../contracts/alert-verdict.ts";
import type { PersonalText } from "../contracts/personal-text.ts";
import type { RetryLater } from "../contracts/retry-later.ts";
import type { Clock } from "../runtime/time.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import type { Closure } from "./closures.ts";
import type { Failpoint } from "../runtime/failpoints.ts";

/** The right to send one call: acquired before the records are claimed, passed on with the call. */
export interface Permit {
  readonly usableUntilMs: number;
}

type PermitResult = { readonly kind: "permit"; readonly permit: Permit } | RetryLater;

/** One closing, the same for every alert of a group. */
export interface CloseRequest {
  readonly closure: Closure;
  readonly reason?: VerdictReason | undefined;
  readonly comment?: string | undefined;
  readonly feedback?: Feedback | undefined;
}

/** Feedback to Microsoft about the detection, and whether Microsoft may contact the sender. */
interface Feedback {
  readonly text?: string | undefined;
  readonly allowContact?: boolean | undefined;
  readonly contactEmail?: string | undefined;
}

/** `reason` says why the service refuses calls, redacted; absent when only the quota is used up. */
type BlockedLater = RetryLater & { readonly reason?: string | undefined };

/**
 * The answer of a call that changes alerts. `unknown`: the call may have taken effect, its answer
 * was lost.
 */
export type ChangeReply =
  | { readonly kind: "answer"; readonly changed: number; readonly notFound: readonly string[] }
  | BlockedLater
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

/** An alert's state as Cloud Apps shows it. */
export type AlertState = "open" | Closure | "dismissed" | "resolved" | "unknownState";

export type AlertStatesReply =
  | { readonly kind: "answer"; readonly alerts: ReadonlyMap<AlertId, AlertState> }
  | BlockedLater
  | { readonly kind: "refused"; readonly message: string };

/** The alert calls of Cloud Apps. Only explicit ids, 1 to 100 of them, are ever sent. */
export interface AlertsPort {
  readonly acquirePermit: (maxWaitMs: number) => Promise<PermitResult>;
  readonly close: (
    ids: readonly AlertId[],
    request: CloseRequest,
    permit: Permit,
  ) => Promise<ChangeReply>;
  readonly reopen: (ids: readonly AlertId[], comment: string | undefined) => Promise<ChangeReply>;
  /**
   * Sends one list call for all ids; an id that Cloud Apps does not know is absent from the map.
   */
  readonly getStates: (ids: readonly AlertId[]) => Promise<AlertStatesReply>;
}

/** Writes one audit record, durable before it resolves. */
type AuditWriter = (event: AuditEvent) => Promise<void>;

/**
 * An audit record of an outbound change: the intent before it, the outcome after it. `unsealed`
 * records a message that another writer put on the queue.
 */
export interface AuditEvent {
  readonly kind: "intent" | "outcome" | "conflict" | "unsealed";
  /** Joins an intent with its outcome. */
  readonly call: string;
  readonly action: "close" | "reopen";
  readonly closure?: Closure | undefined;
  readonly reason?: VerdictReason | undefined;
  readonly alertIds: readonly string[];
  /** The requests that led to the call. */
  readonly verdicts: readonly string[];
  /** Digests of the requests' texts about people, as `storeTexts` returned them. */
  readonly texts?: readonly string[] | undefined;
  readonly outcomes?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly former?: string | undefined;
  /** Why the service refused the call, redacted. */
  readonly detail?: string | undefined;
}

/** The dependencies of every function of this module. */
export interface AlertDeps {
  readonly store: RecordStore;
  readonly queues: MessageQueues;
  readonly alerts: AlertsPort;
  readonly writeAudit: AuditWriter;
  /**
   * Stores texts about people apart from the audit, where they can be erased; durable before it
   * resolves to their digests.
   */
  readonly storeTexts: (texts: readonly PersonalText[]) => Promise<readonly string[]>;
  readonly clock: Clock;
  /** Returns the message with the app's seal. */
  readonly sealMessage: (message: VerdictMessage) => Promise<VerdictMessage>;
  /**
   * Returns how long, in milliseconds, until the token and the audit key are available; 0 when they
   * are. A vault outage of hours must not use up a message's five delivery attempts.
   */
  readonly readyInMs: () => Promise<number>;
  /** Returns a new unique id, for owners and calls. */
  readonly newId: () => string;
  readonly failpoint: Failpoint;
  /**
   * Groups that this process is closing now: its other workers wait for that call instead of
   * spending a permit.
   */
  readonly closingGroups: Map<string, Promise<unknown>>;
  readonly logEvent: (
    event: "verdict.accepted" | "verdict.outcome",
    fields: Readonly<Record<string, string | number>>,
  ) => void;
}
