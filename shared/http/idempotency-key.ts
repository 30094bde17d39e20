/** The header `Idempotency-Key`, by which a repeated request has no further effect. */
import { Problem } from "../contracts/problem.ts";

/** Reads the key: 1 to 200 visible ASCII characters. @throws Problem 400 for any other value */
export function readIdempotencyKey(request: {
  readonly headers: { readonly get: (name: string) => string | null };
}): string | undefined {
  const key = request.headers.get("idempotency-key");
  if (key === null) return undefined;
  if (/^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw new Problem(
    400,
    "The header Idempotency-Key must be 1 to 200 visible ASCII characters without spaces.",
  );
}
