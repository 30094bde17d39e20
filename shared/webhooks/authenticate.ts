/**
 * Authenticates a request as coming from the source in its URL, over the bytes as received. A
 * malformed request never costs a read of a secret, and a refusal never states its reason to the
 * caller.
 */
import type { Key, KeyReader } from "./keys.ts";
import { hasMatch, computeHmac, sha256 } from "./signatures.ts";
import type { Source } from "./sources.ts";

/** A request before it is authenticated. */
export interface IncomingWebhook {
  readonly headers: { readonly get: (name: string) => string | null };
  readonly bytes: Uint8Array;
  /** Whether it came through the endpoint that requires a function key. */
  readonly isKeyed: boolean;
}

/** The claims of a token whose signature, validity period, issuer and audience are valid. */
export interface TokenClaims {
  readonly tid?: unknown;
  readonly appid?: unknown;
  readonly azp?: unknown;
  readonly roles?: unknown;
}

export interface AuthDeps {
  /** Reads the source's secret. @throws an error with its name when it is not available */
  readonly readSecret: (name: string) => Promise<string>;
  readonly readKeys: KeyReader;
  /**
   * Validates signature, algorithm, issuer, audience and time of an Entra token; `undefined` when
   * one is invalid.
   */
  readonly readClaims: (token: string, audience: string) => Promise<TokenClaims | undefined>;
  readonly tenantId: () => string;
  readonly isWithin: (address: string, ranges: readonly string[]) => boolean;
  readonly nowMs: () => number;
  /**
   * Returns the time, corrected by the storage's clock. May cost a call, so only for valid
   * signatures.
   */
  readonly trueNowMs: () => Promise<number>;
}

export type AuthResult =
  /** `id` of the delivery, if it has one; `isIdSigned` when only the sender can have set it. */
  | {
      readonly kind: "authenticated";
      readonly id: string | undefined;
      readonly isIdSigned: boolean;
    }
  /** `cause` is for the log, never for the caller. */
  | { readonly kind: "refused"; readonly cause: string }
  /** The secret holds no usable key. */
  | { readonly kind: "noKey"; readonly expected: string };

const toRefusal = (cause: string): AuthResult => ({ kind: "refused", cause });

/** Authenticates one request. */
export async function authenticate(
  webhook: IncomingWebhook,
  source: Source,
  deps: AuthDeps,
): Promise<AuthResult> {
  if (source.functionKey && !webhook.isKeyed) return toRefusal("no function key");
  if (source.addresses.length > 0) {
    const address = readCallerAddress(webhook);
    if (address === undefined || !deps.isWithin(address, source.addresses))
      return toRefusal("address");
  }
  return authenticators[source.auth](webhook, source, deps);
}

/** Returns the last hop: the platform's front end adds it. The caller can forge those before it. */
function readCallerAddress({ headers }: IncomingWebhook): string | undefined {
  const lastHop = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
  const bracketed = /^\[([0-9a-f:.]+)\](?::\d+)?$/i.exec(lastHop)?.[1];
  return (
    bracketed ??
    (/^\d+(?:\.\d+){3}(?::\d+)?$/.test(lastHop)
      ? lastHop.replace(/:\d+$/, "")
      : lastHop || undefined)
  );
}

type Authenticator = (
  webhook: IncomingWebhook,
  source: Source,
  deps: AuthDeps,
) => Promise<AuthResult>;

const authenticators: Readonly<Record<Source["auth"], Authenticator>> = {
  standard: authenticateStandard,
  bodyHmac: authenticateBodyHmac,
  bearer: authenticateBearer,
  entra: authenticateEntra,
  functionKey: async (webhook, source) => toAuthenticated(webhook, source),
};

/** The id of a delivery: visible ASCII. */
const idText = /^[\x21-\x7e]{1,200}$/;

function toAuthenticated(
  { headers }: IncomingWebhook,
  source: Source,
  isIdSigned = true,
): AuthResult {
  const id = headers.get(source.idHeader) ?? undefined;
  if (id !== undefined && !idText.test(id)) return toRefusal("delivery id");
  return { kind: "authenticated", id, isIdSigned };
}

type SourceKeys =
  | { readonly kind: "keys"; readonly keys: readonly Key[] }
  | Extract<AuthResult, { kind: "noKey" }>;

async function readSourceKeys(
  source: Source,
  auth: "standard" | "bodyHmac" | "bearer",
  deps: AuthDeps,
): Promise<SourceKeys> {
  const read = deps.readKeys(await deps.readSecret(`webhook-${source.name}`), auth, deps.nowMs());
  return read.kind === "keys" ? read : { kind: "noKey", expected: read.expected };
}

/** How far a signed time stamp may differ from now, in seconds. */
const toleranceS = 300;
const maxSignatures = 16;
const maxHeaderLength = 4_096;

/**
 * Standard Webhooks: `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body`. One of several
 * signatures must match.
 */
async function authenticateStandard(
  webhook: IncomingWebhook,
  source: Source,
  deps: AuthDeps,
): Promise<AuthResult> {
  const readHeader = (name: string): string =>
    webhook.headers.get(`webhook-${name}`) ?? webhook.headers.get(`svix-${name}`) ?? "";
  const [id, stamp, signature] = [
    readHeader("id"),
    readHeader("timestamp"),
    readHeader("signature"),
  ];
  if (!idText.test(id)) return toRefusal("webhook-id");
  if (!/^\d{1,12}$/.test(stamp)) return toRefusal("webhook-timestamp");
  const candidates = parseSignatures(signature);
  if (candidates.length === 0) return toRefusal("webhook-signature");
  const read = await readSourceKeys(source, "standard", deps);
  if (read.kind !== "keys") return read;
  const expected = read.keys.map((key) => computeHmac(key, `${id}.${stamp}.`, webhook.bytes));
  if (!hasMatch(expected, candidates)) return toRefusal("signature");
  const nowS = Math.floor((await deps.trueNowMs()) / 1_000);
  if (Math.abs(nowS - Number(stamp)) > toleranceS) return toRefusal("time stamp");
  return { kind: "authenticated", id, isIdSigned: true };
}

/** Returns the signatures of version 1; other versions are ignored. */
function parseSignatures(header: string): Buffer[] {
  if (header.length > maxHeaderLength) return [];
  return header
    .split(" ")
    .slice(0, maxSignatures)
    .flatMap((part) => {
      const packed = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(part)?.[1];
      return packed === undefined ? [] : [Buffer.from(packed, "base64")];
    });
}

/**
 * As GitHub signs: `sha256=` and hexadecimal HMAC-SHA-256 over the body. The delivery's id is not
 * signed.
 */
async function authenticateBodyHmac(
  webhook: IncomingWebhook,
  source: Source,
  deps: AuthDeps,
): Promise<AuthResult> {
  const digits = /^(?:sha256=)?([0-9a-f]{64})$/i.exec(
    webhook.headers.get(source.signatureHeader) ?? "",
  )?.[1];
  if (digits === undefined) return toRefusal(source.signatureHeader);
  const read = await readSourceKeys(source, "bodyHmac", deps);
  if (read.kind !== "keys") return read;
  const expected = read.keys.map((key) => computeHmac(key, webhook.bytes));
  return hasMatch(expected, [Buffer.from(digits, "hex")])
    ? toAuthenticated(webhook, source, false)
    : toRefusal("signature");
}

const bearerText = /^Bearer ([\x21-\x7e]{1,8192})$/i;

const readBearerToken = ({ headers }: IncomingWebhook): string | undefined =>
  bearerText.exec(headers.get("authorization") ?? "")?.[1];

/** A bearer token. The secret holds only its SHA-256. */
async function authenticateBearer(
  webhook: IncomingWebhook,
  source: Source,
  deps: AuthDeps,
): Promise<AuthResult> {
  const token = readBearerToken(webhook);
  if (token === undefined) return toRefusal("authorization");
  const read = await readSourceKeys(source, "bearer", deps);
  if (read.kind !== "keys") return read;
  return hasMatch(
    read.keys.map(({ bytes }) => bytes),
    [sha256(token)],
  )
    ? toAuthenticated(webhook, source)
    : toRefusal("token");
}

/**
 * An Entra token of this tenant, from one of the callers or with one of the roles. Headers of the
 * front end are ignored.
 */
async function authenticateEntra(
  webhook: IncomingWebhook,
  source: Source,
  deps: AuthDeps,
): Promise<AuthResult> {
  const token = readBearerToken(webhook);
  if (token === undefined) return toRefusal("authorization");
  const claims = await deps.readClaims(token, source.audience);
  if (!claims) return toRefusal("token");
  if (claims.tid !== deps.tenantId()) return toRefusal("tenant");
  const caller = claims.appid ?? claims.azp;
  const isCaller = typeof caller === "string" && source.callers.includes(caller.toLowerCase());
  const roles: readonly unknown[] = Array.isArray(claims.roles) ? claims.roles : [];
  if (!isCaller && !source.roles.some((role) => roles.includes(role))) return toRefusal("caller");
  return toAuthenticated(webhook, source);
}
