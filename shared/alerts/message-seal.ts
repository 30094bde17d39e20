/** The seal by which the app recognizes verdict messages that it wrote itself. */
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { isSameDigest, sealContent } from "../storage/seal.ts";

/** The key of the vault's `queue-key` and the tenant whose alerts the message closes. */
export interface SealContext {
  readonly key: string;
  readonly tenant: string;
}

/** `deferred` is not sealed: a delayed copy keeps the seal, or its absence, of the original. */
function createSeal(message: VerdictMessage, { key, tenant }: SealContext): string {
  const { deferred: _deferred, seal: _seal, ...content } = message;
  return sealContent({ queue: "alert-verdicts", tenant, content }, key);
}

/** Returns the message with its seal. */
export const sealVerdictMessage = (
  message: VerdictMessage,
  context: SealContext,
): VerdictMessage => ({ ...message, seal: createSeal(message, context) });

/** Tells whether the app wrote the message. */
export const isSealed = (message: VerdictMessage, context: SealContext): boolean =>
  message.seal !== undefined && isSameDigest(message.seal, createSeal(message, context));
