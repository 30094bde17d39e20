/** The arm that results share when a service, a quota or another instance asks to wait. */
export interface RetryLater {
  readonly kind: "later";
  /** How long to wait, in milliseconds; at least 0. */
  readonly retryAfterMs: number;
}

export const retryLater = (retryAfterMs: number): RetryLater => ({ kind: "later", retryAfterMs });
