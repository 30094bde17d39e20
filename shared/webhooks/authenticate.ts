/**
 * Proof of origin: whether a request comes from the source that its address names, judged over the bytes as they came.
 * What can be refused by its look alone never costs a look at a secret; whatever is refused is refused without a reason.
 */
import type { Key, ReadKeyring } from "./keys.ts";
import { anyMatches, hmac, sha256 } from "./signatures.ts";
import type { Source } from "./sources.ts";

/** A request before it is believed. */
export interface Knock {
  readonly headers: { readonly get: (name: string) => string | null };
  readonly bytes: Uint8Array;
  /** Came through the door that asks for a function key. */
  readonly keyed: boolean;
}

/** Claims of a token whose signature, time, issuer and audience are right. */
export interface TokenClaims {
  readonly tid?: unknown;
  readonly appid?: unknown;
  readonly azp?: unknown;
  readonly roles?: unknown;
}

export interface ProofPorts {
  /** The source's secret. @throws an error that names it when it cannot be had */
  readonly secret: (name: string) => Promise<string>;
  readonly readKeys: ReadKeyring;
  /** Checks signature, algorithm, issuer, audience and time of an Entra token; `undefined` when one of them is wrong. */
  readonly claims: (token: string, audience: string) => Promise<TokenClaims | undefined>;
  readonly tenantId: () => string;
  readonly isWithin: (address: string, ranges: readonly string[]) => boolean;
  readonly nowMs: () => number;
  /** This machine's time put right by the storage's clock. Only for requests whose signature is right: it may cost a call. */
  readonly trueNowMs: () => Promise<number>;
}

export type Proof =
  /** `id` of the delivery where the sender gives one; `idSigned` when nobody else can have put it there. */
  | { readonly kind: "proven"; readonly id: string | undefined; readonly idSigned: boolean }
  /** For the log, never for the caller. */
  | { readonly kind: "refused"; readonly cause: string }
  /** The secret holds no usable key. */
  | { readonly kind: "no-key"; readonly want: string };

const refused = (cause: string): Proof => ({ kind: "refused", cause });

/** Judges one request. */
export async function prove(knock: Knock, source: Source, ports: ProofPorts): Promise<Proof> {
  if (source.functionKey && !knock.keyed) return refused("no function key");
  if (source.addresses.length > 0) {
    const address = callerAddress(knock);
    if (address === undefined || !ports.isWithin(address, source.addresses))
      return refused("address");
  }
  return provers[source.proof](knock, source, ports);
}

/** The last hop is the one that the platform's own front end has seen; those before it are the caller's to invent. */
function callerAddress({ headers }: Knock): string | undefined {
  const last = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
  const bracketed = /^\[([0-9a-f:.]+)\](?::\d+)?$/i.exec(last)?.[1];
  return (
    bracketed ??
    (/^\d+(?:\.\d+){3}(?::\d+)?$/.test(last) ? last.replace(/:\d+$/, "") : last || undefined)
  );
}

type Prover = (knock: Knock, source: Source, ports: ProofPorts) => Promise<Proof>;

const provers: Readonly<Record<Source["proof"], Prover>> = {
  standard: proveStandard,
  "body-hmac": proveBody,
  bearer: proveBearer,
  entra: proveEntra,
  "function-key": async (knock, source) => proven(knock, source),
};

/** Text that may name a delivery: visible ASCII. */
const idText = /^[\x21-\x7e]{1,200}$/;

function proven({ headers }: Knock, source: Source, idSigned = true): Proof {
  const id = headers.get(source.idHeader) ?? undefined;
  if (id !== undefined && !idText.test(id)) return refused("delivery id");
  return { kind: "proven", id, idSigned };
}

type Keyed =
  | { readonly kind: "keys"; readonly keys: readonly Key[] }
  | Extract<Proof, { kind: "no-key" }>;

async function keysOf(
  source: Source,
  proof: "standard" | "body-hmac" | "bearer",
  ports: ProofPorts,
): Promise<Keyed> {
  const read = ports.readKeys(await ports.secret(`webhook-${source.name}`), proof, ports.nowMs());
  return read.kind === "keys" ? read : { kind: "no-key", want: read.want };
}

/** How old or new a signed time stamp may be, s. */
const toleranceS = 300;
const mostSignatures = 16;
const longestHeader = 4_096;

/** Standard Webhooks: `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body`; several signatures, one of which must fit. */
async function proveStandard(knock: Knock, source: Source, ports: ProofPorts): Promise<Proof> {
  const header = (name: string): string =>
    knock.headers.get(`webhook-${name}`) ?? knock.headers.get(`svix-${name}`) ?? "";
  const [id, stamp, signature] = [header("id"), header("timestamp"), header("signature")];
  if (!idText.test(id)) return refused("webhook-id");
  if (!/^\d{1,12}$/.test(stamp)) return refused("webhook-timestamp");
  const given = signaturesIn(signature);
  if (given.length === 0) return refused("webhook-signature");
  const read = await keysOf(source, "standard", ports);
  if (read.kind !== "keys") return read;
  const wanted = read.keys.map((key) => hmac(key, `${id}.${stamp}.`, knock.bytes));
  if (!anyMatches(wanted, given)) return refused("signature");
  const nowS = Math.floor((await ports.trueNowMs()) / 1_000);
  if (Math.abs(nowS - Number(stamp)) > toleranceS) return refused("time stamp");
  return { kind: "proven", id, idSigned: true };
}

/** Signatures of version 1; others are for others. */
function signaturesIn(header: string): Buffer[] {
  if (header.length > longestHeader) return [];
  return header
    .split(" ")
    .slice(0, mostSignatures)
    .flatMap((part) => {
      const packed = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(part)?.[1];
      return packed === undefined ? [] : [Buffer.from(packed, "base64")];
    });
}

/** As GitHub signs: `sha256=` and hexadecimal HMAC-SHA-256 over the body. The delivery's id is not under the signature. */
async function proveBody(knock: Knock, source: Source, ports: ProofPorts): Promise<Proof> {
  const digits = /^(?:sha256=)?([0-9a-f]{64})$/i.exec(
    knock.headers.get(source.signatureHeader) ?? "",
  )?.[1];
  if (digits === undefined) return refused(source.signatureHeader);
  const read = await keysOf(source, "body-hmac", ports);
  if (read.kind !== "keys") return read;
  const wanted = read.keys.map((key) => hmac(key, knock.bytes));
  return anyMatches(wanted, [Buffer.from(digits, "hex")])
    ? proven(knock, source, false)
    : refused("signature");
}

const bearerText = /^Bearer ([\x21-\x7e]{1,8192})$/i;

const tokenIn = ({ headers }: Knock): string | undefined =>
  bearerText.exec(headers.get("authorization") ?? "")?.[1];

/** A token that only its SHA-256 is kept of. */
async function proveBearer(knock: Knock, source: Source, ports: ProofPorts): Promise<Proof> {
  const token = tokenIn(knock);
  if (token === undefined) return refused("authorization");
  const read = await keysOf(source, "bearer", ports);
  if (read.kind !== "keys") return read;
  return anyMatches(
    read.keys.map(({ bytes }) => bytes),
    [sha256(token)],
  )
    ? proven(knock, source)
    : refused("token");
}

/** A token of Entra, for this tenant, from one of the callers or with one of the roles. The front end's headers count for nothing. */
async function proveEntra(knock: Knock, source: Source, ports: ProofPorts): Promise<Proof> {
  const token = tokenIn(knock);
  if (token === undefined) return refused("authorization");
  const claims = await ports.claims(token, source.audience);
  if (!claims) return refused("token");
  if (claims.tid !== ports.tenantId()) return refused("tenant");
  const caller = claims.appid ?? claims.azp;
  const isCaller = typeof caller === "string" && source.callers.includes(caller.toLowerCase());
  const roles: readonly unknown[] = Array.isArray(claims.roles) ? claims.roles : [];
  if (!isCaller && !source.roles.some((role) => roles.includes(role))) return refused("caller");
  return proven(knock, source);
}
