/** The dependencies of the webhooks module, in its own words. */
import type { RecordResult, VerdictMessage } from "../contracts/alert-verdict.ts";
import type { IncomingBody } from "../contracts/parsed-body.ts";
import type { DeliveryBody } from "../contracts/repeated-members.ts";
import type { Failpoint } from "../runtime/failpoints.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import type { TakeAllowance } from "./allowance.ts";
import type { AuthDeps } from "./authenticate.ts";
import type { FairShare } from "./fair-share.ts";
import type { PlannedVerdict } from "./plan-actions.ts";
import type { Source } from "./sources.ts";

/** A lookup of the hashes in a payload. */
export type PayloadLookup =
  | { readonly kind: "none" }
  | {
      readonly kind: "hashes";
      readonly hashes: number;
      /** Stores the lookup that the message refers to. @returns the job's id */
      readonly createJob: () => Promise<string>;
      /** Enqueues the message. */
      readonly enqueueJob: (job: string) => Promise<void>;
    };

/** The dependencies of receiving a delivery. */
export interface WebhookDeps extends AuthDeps {
  /** @throws Problem 503 when the source's settings are invalid */
  readonly findSource: (name: string) => Source | undefined;
  /** @throws Problem when the body is missing or too large */
  readonly readBodyBytes: (request: IncomingBody) => Promise<Uint8Array>;
  /** @throws Problem when the body is not JSON or exceeds a limit */
  readonly parseJsonBody: (bytes: Uint8Array, contentType: string | null) => DeliveryBody;
  /**
   * Parses JSON, a form or text. A form is a list of objects with one member each, a text is a
   * string.
   *
   * @throws Problem for another media type
   */
  readonly parseAnyBody: (bytes: Uint8Array, contentType: string | null) => DeliveryBody;
  readonly records: RecordStore;
  readonly queues: MessageQueues;
  /** Returns the message with the app's seal. */
  readonly sealMessage: (message: VerdictMessage) => Promise<VerdictMessage>;
  /** Records a verdict, so that its status can be read; without one, only reserves the id. */
  readonly recordVerdict: (
    id: string,
    verdict: PlannedVerdict | undefined,
    delivery: { readonly source: string; readonly bodyHash: string },
  ) => Promise<RecordResult>;
  /**
   * @param key - equal keys make equal jobs
   * @param isText - the only part is a text body, not a JSON string
   * @throws Problem for parts that exceed a limit
   */
  readonly prepareLookup: (
    parts: readonly unknown[],
    key: string,
    isText: boolean,
  ) => Promise<PayloadLookup>;
  /** Starts a hunt once per key; `undefined` when no hunt has this name. @returns the job's id */
  readonly startHunt: (name: string, key: string) => Promise<string | undefined>;
  readonly takeAllowance: TakeAllowance;
  readonly fairShare: FairShare;
  readonly failpoint: Failpoint;
  readonly logRefusal: (fields: {
    readonly source: string;
    readonly status: number;
    readonly cause: string;
  }) => void;
}
