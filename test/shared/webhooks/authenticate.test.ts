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

  test("is taken in GitHub's form, with the delivery's id, which it does not cover", async () => {
    const { auth } = await authenticateRequest(
      source,
      bodyHeaders(bodyKey, body, "72d3162e-cc78"),
      {
        secrets,
      },
    );
    expect(auth).toEqual({ kind: "proven", id: "72d3162e-cc78", isIdSigned: false });
  });

  test("is taken from a header of the source's own", async () => {
    const [[, signature] = ["", ""]] = Object.entries(bodyHeaders(bodyKey, body)).filter(([name]) =>
      name.startsWith("x-"),
    );
    const own = { ...source, signatureHeader: "X-Signature" };
    expect(
      await kindOf(own, { "x-signature": signature.replace("sha256=", "") }, { secrets }),
    ).toBe("proven");
  });

  test.each<[string, SentHeaders]>([
    ["of another body", bodyHeaders(bodyKey, `${body} `)],
    ["by another key", bodyHeaders("another secret of some length", body)],
    ["that is missing", {}],
    ["by SHA-1", { "x-hub-signature-256": `sha1=${"a".repeat(40)}` }],
  ])("%s is refused", async (_, headers) => {
    expect(await kindOf(source, headers, { secrets })).toBe("refused");
  });

  test("F62: with a delivery id that is no visible text is refused", async () => {
    const headers = { ...bodyHeaders(bodyKey, body), "x-github-delivery": "a b" };
    expect(await kindOf(source, headers, { secrets })).toBe("refused");
  });
});

describe("a bearer token", () => {
  const source = { auth: "bearer" };
  const secrets = { "webhook-one": tokenHash(token) };

  test("X38: is compared with its hash, the only thing that is kept of it", async () => {
    expect(await kindOf(source, bearerHeaders(token), { secrets })).toBe("proven");
    expect(await kindOf(source, bearerHeaders(`${token}x`), { secrets })).toBe("refused");
    expect(await kindOf(source, bearerHeaders(tokenHash(token)), { secrets })).toBe("refused");
  });

  test("X38: whose secret is the token itself is not usable: it has to be a hash", async () => {
    const { auth } = await authenticateRequest(source, bearerHeaders(token), {
      secrets: { "webhook-one": token },
    });
    expect(auth).toMatchObject({
      kind: "no-key",
      expected: expect.stringContaining("sha256:") as string,
    });
    expect(JSON.stringify(auth)).not.toContain(token);
  });

  test("costs no secret when there is none in the request", async () => {
    expect(
      (await authenticateRequest(source, { authorization: "Basic eA==" }, { secrets })).cost
        .secrets,
    ).toBe(0);
  });

  test("names its delivery by Idempotency-Key", async () => {
    const { auth } = await authenticateRequest(
      source,
      { ...bearerHeaders(token), "idempotency-key": "run-1" },
      { secrets },
    );
    expect(auth).toEqual({ kind: "proven", id: "run-1", isIdSigned: true });
  });
});

describe("a token of Entra", () => {
  const caller = "11111111-1111-4111-8111-111111111111";
  const source = {
    auth: "entra",
    audience: "api://huntline",
    callers: [caller.toUpperCase()],
    roles: ["Webhooks.Send"],
  };
  const validClaims = { tid: tenantId, appid: caller };

  test.each<[string, object | undefined, string]>([
    ["X03: from a caller on the list is taken", validClaims, "proven"],
    [
      "X03: of version 2, which names its caller azp, is taken",
      { tid: tenantId, azp: caller },
      "proven",
    ],
    [
      "X03: with a role is taken, whoever shows it",
      { tid: tenantId, appid: "x", roles: ["Webhooks.Send"] },
      "proven",
    ],
    [
      "X03: of another tenant is refused",
      { ...validClaims, tid: "22222222-2222-4222-8222-222222222222" },
      "refused",
    ],
    ["X03: without a tenant is refused", { appid: caller }, "refused"],
    [
      "X03: from another caller without a role is refused",
      { tid: tenantId, appid: "x", roles: ["Other"] },
      "refused",
    ],
    [
      "X03: whose roles are no list is refused",
      { tid: tenantId, roles: "Webhooks.Send" },
      "refused",
    ],
    ["X03: that the check refused is refused", undefined, "refused"],
  ])("%s", async (_, claims, kind) => {
    expect(await kindOf(source, bearerHeaders("a.b.c"), claims ? { claims } : {})).toBe(kind);
  });

  test.each<[string, SentHeaders]>([
    [
      "F67, X04: what Easy Auth would send, made up by the caller, counts for nothing",
      {
        "x-ms-client-principal": Buffer.from(
          JSON.stringify({ userRoles: ["Webhooks.Send"] }),
        ).toString("base64"),
        "x-ms-client-principal-id": caller,
      },
    ],
    [
      "F68, X04: what Easy Auth would send, malformed, counts for nothing",
      { "x-ms-client-principal": "%%%{" },
    ],
  ])("%s", async (_, headers) => {
    const { cost, auth } = await authenticateRequest(source, headers, { claims: validClaims });
    expect(auth.kind).toBe("refused");
    expect(cost.claims).toBe(0);
  });
});

describe("a function key", () => {
  test("is asked for by the door, and the open door takes no source that wants one", async () => {
    const source = { auth: "functionKey", reader: "splunk" };
    expect(await kindOf(source, {})).toBe("refused");
    expect(await kindOf(source, {}, {}, true)).toBe("proven");
  });

  test("is a second factor where the source says so", async () => {
    const source = { auth: "bodyHmac", functionKey: true };
    const secrets = { "webhook-one": bodyKey };
    expect(await kindOf(source, bodyHeaders(bodyKey, body), { secrets })).toBe("refused");
    expect(await kindOf(source, bodyHeaders(bodyKey, body), { secrets }, true)).toBe("proven");
    expect(await kindOf(source, {}, { secrets }, true)).toBe("refused");
  });
});

describe("addresses", () => {
  const source = {
    auth: "functionKey",
    reader: "splunk",
    addresses: ["203.0.113.0/24", "2001:db8::/32"],
  };

  test.each<[string, string, string]>([
    ["one of the range", "203.0.113.7", "proven"],
    ["one with its port, as the platform writes it", "203.0.113.7:51234", "proven"],
    ["one of IPv6", "[2001:db8::1]:443", "proven"],
    ["the last hop, which alone is the platform's word", "198.51.100.1, 203.0.113.7:1", "proven"],
    ["one that only claims to come from there", "203.0.113.7, 198.51.100.1:1", "refused"],
    ["one outside", "203.0.114.1", "refused"],
    ["no address", "unknown", "refused"],
    ["nothing", "", "refused"],
  ])("%s: %s is %s", async (_, forwarded, kind) => {
    expect(await kindOf(source, { "x-forwarded-for": forwarded }, {}, true)).toBe(kind);
  });

  test("are looked at before any secret", async () => {
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
  ])("that is %s is refused by what it wants, never by what it is", async (_, value) => {
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
    expect(auth.kind).toBe("no-key");
    expect(JSON.stringify(auth)).not.toContain(value);
  });
});
