/**
 * HTTP requests and replies in the worker protocol's shape, with what the platform loses on the
 * way.
 */
import type { RpcCookie, RpcHttp, TypedData } from "./protocol.ts";

export interface PlainRequest {
  readonly method: string;
  /** Absolute, query included. */
  readonly url: string;
  /** In the order they came; repeated names stay apart. */
  readonly headers: readonly (readonly [string, string])[];
  readonly params: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

export interface PlainReply {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

const frontEndHeader = /^x-ms-(?:client-principal|token-aad-)/;

/**
 * Header names become lower case, repeated query keys become one, and what only the sign-in front
 * end may say is left out.
 */
export function toRpcHttp(request: PlainRequest): RpcHttp {
  const headers = request.headers.map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    method: request.method,
    url: request.url,
    nullableHeaders: collapseNames(headers.filter(([name]) => !frontEndHeader.test(name))),
    nullableQuery: collapseNames([...new URL(request.url).searchParams]),
    nullableParams: collapseNames(Object.entries(request.params)),
    ...(request.body && request.body.length > 0 ? { body: { bytes: request.body } } : {}),
  };
}

/** Joins repeated names, in any case, with a comma under the first spelling. */
function collapseNames(
  pairs: readonly (readonly [string, string])[],
): Record<string, { value: string }> {
  const entries = new Map<string, { name: string; value: string }>();
  for (const [name, value] of pairs) {
    const existing = entries.get(name.toLowerCase());
    entries.set(
      name.toLowerCase(),
      existing ? { ...existing, value: `${existing.value},${value}` } : { name, value },
    );
  }
  return Object.fromEntries([...entries.values()].map(({ name, value }) => [name, { value }]));
}

/** The reply to a function's return value: nothing returned is 204. */
export function fromRpcHttp(value: TypedData | null | undefined): PlainReply {
  const http = value?.http;
  if (!http) return { status: 204, headers: [], body: new Uint8Array() };
  const ownHeaders = Object.entries(http.headers ?? {}).filter(
    ([name]) => !framingHeaders.has(name.toLowerCase()),
  );
  const cookies = (http.cookies ?? []).map(
    (cookie) => ["set-cookie", formatCookie(cookie)] as const,
  );
  return {
    status: Number(http.statusCode ?? 200),
    headers: [...ownHeaders, ...cookies],
    body: toBytes(http.body),
  };
}

const framingHeaders = new Set(["content-length", "transfer-encoding", "connection"]);

const toBytes = (body: TypedData | null | undefined): Uint8Array =>
  body?.bytes ?? Buffer.from(body?.string ?? body?.json ?? "");

const sameSites = { lax: "lax", strict: "strict", explicitNone: "none", none: undefined } as const;

function formatCookie(cookie: RpcCookie): string {
  const sameSite = sameSites[cookie.sameSite ?? "none"];
  return [
    `${cookie.name}=${encodeURIComponent(cookie.value)}`,
    cookie.expires && `expires=${new Date(cookie.expires.value.seconds * 1_000).toUTCString()}`,
    cookie.maxAge && `max-age=${cookie.maxAge.value}`,
    cookie.domain && `domain=${cookie.domain.value}`,
    `path=${cookie.path?.value ?? "/"}`,
    cookie.secure?.value === true && "secure",
    sameSite && `samesite=${sameSite}`,
    cookie.httpOnly?.value === true && "httponly",
  ]
    .filter((part) => typeof part === "string")
    .join("; ");
}
