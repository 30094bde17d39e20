import { describe, expect, test } from "vitest";
import { authenticate, type AuthResult } from "../../../shared/webhooks/authenticate.ts";
import {
  toRequest,
  tenantId,
  webhookHarness,
  type WebhookHarnessOptions,
} from "../../support/webhook-harness.ts";
import {
  bearerHeaders,
  bodyHeaders,
  tokenHash,
  type SentHeaders,
} from "../../support/webhook-senders.ts";

const body = '{"id":"1"}';
const bodyKey = "a shared secret of some length";
const token = "T".repeat(43);

async function authenticateRequest(
  source: object,
  headers: SentHeaders,
  options: WebhookHarnessOptions = {},
  isKeyed = false,
): Promise<{ auth: AuthResult; cost: { secrets: number; claims: number } }> {
  const harness = webhookHarness({ ...options, sources: { one: { mapping: "test", ...source } } });
  const foundSource = harness.deps.findSource("one");
  if (!foundSource) throw new Error("no source");
  const { headers: all } = toRequest(body, headers);
  const auth = await authenticate(
    { headers: all, bytes: new TextEncoder().encode(body), isKeyed },
    foundSource,
    harness.deps,
  );
  return { auth, cost: harness.cost };
}

const kindOf = async (...args: Parameters<typeof authenticateRequest>): Promise<string> =>
  (await authenticateRequest(...args)).auth.kind;

describe("an HMAC of the body", () => {
  const secrets = { "webhook-one": bodyKey };
  const source = { auth: "bodyHmac" };

  test("a body HMAC in GitHub's form is accepted, and the delivery's id counts as unsigned", async () => {
    const { auth } = await authenticateRequest(
      source,
      bodyHeaders(bodyKey, body, "72d3162e-cc78"),
      {
        secrets,
      },
    );
    expect(auth).toEqual({ kind: "authenticated", id: "72d3162e-cc78", isIdSigned: false });
  });

  test("a body HMAC is read from the source's own header", async () => {
    const [[, signature] = ["", ""]] = Object.entries(bodyHeaders(bodyKey, body)).filter(([name]) =>
      name.startsWith("x-"),
    );
    const own = { ...source, signatureHeader: "X-Signature" };
    expect(
      await kindOf(own, { "x-signature": signature.replace("sha256=", "") }, { secrets }),
    ).toBe("authenticated");
  });

  test.each<[string, SentHeaders]>([
    ["of another body", bodyHeaders(bodyKey, `${body} `)],
    ["by another key", bodyHeaders("another secret of some length", body)],
    ["that is missing", {}],
    ["by SHA-1", { "x-hub-signature-256": `sha1=${"a".repeat(40)}` }],
  ])("a body HMAC is refused: %s", async (_, headers) => {
    expect(await kindOf(source, headers, { secrets })).toBe("refused");
  });

  test("F62: a delivery id that is not visible ASCII is refused", async () => {
    const headers = { ...bodyHeaders(bodyKey, body), "x-github-delivery": "a b" };
    expect(await kindOf(source, headers, { secrets })).toBe("refused");
  });
});

describe("a bearer token", () => {
  const source = { auth: "bearer" };
  const secrets = { "webhook-one": tokenHash(token) };

  test("X38: a bearer token is compared with its hash; only the hash is stored", async () => {
    expect(await kindOf(source, bearerHeaders(token), { secrets })).toBe("authenticated");
    expect(await kindOf(source, bearerHeaders(`${token}x`), { secrets })).toBe("refused");
    expect(await kindOf(source, bearerHeaders(tokenHash(token)), { secrets })).toBe("refused");
  });

  test("X38: a secret that holds the bearer token instead of its hash is unusable", async () => {
    const { auth } = await authenticateRequest(source, bearerHeaders(token), {
      secrets: { "webhook-one": token },
    });
    expect(auth).toMatchObject({
      kind: "noKey",
      expected: expect.stringContaining("sha256:") as string,
    });
    expect(JSON.stringify(auth)).not.toContain(token);
  });

  test("a request without a bearer token costs no read of the secret", async () => {
    expect(
      (await authenticateRequest(source, { authorization: "Basic eA==" }, { secrets })).cost
        .secrets,
    ).toBe(0);
  });

  test("a delivery with a bearer token takes its id from Idempotency-Key", async () => {
    const { auth } = await authenticateRequest(
      source,
      { ...bearerHeaders(token), "idempotency-key": "run-1" },
      { secrets },
    );
    expect(auth).toEqual({ kind: "authenticated", id: "run-1", isIdSigned: true });
  });
});

describe("an Entra token", () => {
  const caller = "11111111-1111-4111-8111-111111111111";
  const source = {
    auth: "entra",
    audience: "api://huntline",
    callers: [caller.toUpperCase()],
    roles: ["Webhooks.Send"],
  };
  const validClaims = { tid: tenantId, appid: caller };

  test.each<[string, string, object | undefined]>([
    ["X03: from a listed caller", "authenticated", validClaims],
    ["X03: of version 2, with the caller in azp", "authenticated", { tid: tenantId, azp: caller }],
    [
      "X03: with a role, from any caller",
      "authenticated",
      { tid: tenantId, appid: "x", roles: ["Webhooks.Send"] },
    ],
    [
      "X03: of another tenant",
      "refused",
      { ...validClaims, tid: "22222222-2222-4222-8222-222222222222" },
    ],
    ["X03: without a tenant", "refused", { appid: caller }],
    [
      "X03: from another caller without a role",
      "refused",
      { tid: tenantId, appid: "x", roles: ["Other"] },
    ],
    ["X03: with roles that are not a list", "refused", { tid: tenantId, roles: "Webhooks.Send" }],
    ["X03: with an invalid signature", "refused", undefined],
  ])("an Entra token, %s, is %s", async (_, kind, claims) => {
    expect(await kindOf(source, bearerHeaders("a.b.c"), claims ? { claims } : {})).toBe(kind);
  });

  test.each<[string, SentHeaders]>([
    [
      "F67, X04: forged headers of Easy Auth",
      {
        "x-ms-client-principal": Buffer.from(
          JSON.stringify({ userRoles: ["Webhooks.Send"] }),
        ).toString("base64"),
        "x-ms-client-principal-id": caller,
      },
    ],
    ["F68, X04: malformed headers of Easy Auth", { "x-ms-client-principal": "%%%{" }],
  ])("%s are ignored", async (_, headers) => {
    const { cost, auth } = await authenticateRequest(source, headers, { claims: validClaims });
    expect(auth.kind).toBe("refused");
    expect(cost.claims).toBe(0);
  });
});

describe("a function key", () => {
  test("a source with functionKey is accepted only at the keyed endpoint", async () => {
    const source = { auth: "functionKey", reader: "splunk" };
    expect(await kindOf(source, {})).toBe("refused");
    expect(await kindOf(source, {}, {}, true)).toBe("authenticated");
  });

  test("a function key is required in addition to the HMAC where the source says so", async () => {
    const source = { auth: "bodyHmac", functionKey: true };
    const secrets = { "webhook-one": bodyKey };
    expect(await kindOf(source, bodyHeaders(bodyKey, body), { secrets })).toBe("refused");
    expect(await kindOf(source, bodyHeaders(bodyKey, body), { secrets }, true)).toBe(
      "authenticated",
    );
    expect(await kindOf(source, {}, { secrets }, true)).toBe("refused");
  });
});

describe("address ranges", () => {
  const source = {
    auth: "functionKey",
    reader: "splunk",
    addresses: ["203.0.113.0/24", "2001:db8::/32"],
  };

  test.each<[string, string, string]>([
    ["one of the range", "203.0.113.7", "authenticated"],
    ["one with its port, as the platform writes it", "203.0.113.7:51234", "authenticated"],
    ["one of IPv6", "[2001:db8::1]:443", "authenticated"],
    [
      "the last hop, which alone is the platform's word",
      "198.51.100.1, 203.0.113.7:1",
      "authenticated",
    ],
    ["one that only claims to come from there", "203.0.113.7, 198.51.100.1:1", "refused"],
    ["one outside", "203.0.114.1", "refused"],
    ["no address", "unknown", "refused"],
    ["nothing", "", "refused"],
  ])("an address restriction, %s: %s is %s", async (_, forwarded, kind) => {
    expect(await kindOf(source, { "x-forwarded-for": forwarded }, {}, true)).toBe(kind);
  });

  test("the address is checked before any secret is read", async () => {
    const { cost } = await authenticateRequest(
      { auth: "bodyHmac", addresses: ["203.0.113.0/24"] },
      bodyHeaders(bodyKey, body),
    );
    expect(cost.secrets).toBe(0);
  });
});

describe("a secret", () => {
  test.each<[string, string]>([
    [
      "X23, F71: an unresolved reference",
      "@Microsoft.KeyVault(SecretUri=https://x.vault.azure.net/secrets/y)",
    ],
    ["too short", "short"],
    ["a list of nothing", "[]"],
    ["a list that is broken", '[{"key":'],
    ["a list with an unknown field", '[{"key":"aaaaaaaaaaaaaaaaaaaaaaaaaaaa","secret":"x"}]'],
  ])("a secret that is %s is reported as invalid without its value", async (_, value) => {
    const auth = (
      await authenticateRequest(
        { auth: "standard" },
        {
          "webhook-id": "1",
          "webhook-timestamp": "1",
          "webhook-signature": `v1,${Buffer.alloc(32).toString("base64")}`,
        },
        { secrets: { "webhook-one": value } },
      )
    ).auth;
    expect(auth.kind).toBe("noKey");
    expect(JSON.stringify(auth)).not.toContain(value);
  });
});
