import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { authenticate, type AuthResult } from "../../../shared/webhooks/authenticate.ts";
import {
  toRequest,
  testKey,
  webhookHarness,
  type WebhookHarnessOptions,
} from "../../support/webhook-harness.ts";
import {
  standardHeaders,
  standardKey,
  standardSignature,
  type SentHeaders,
} from "../../support/webhook-senders.ts";

const body = '{"test": 2432232314}';
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";

/** What the request of these headers is judged as, on the room's clock. */
async function authenticateRequest(
  headers: (nowS: number) => Readonly<Record<string, string | undefined>>,
  sentBody = body,
  options: WebhookHarnessOptions = {},
): Promise<{ auth: AuthResult; cost: { secrets: number; clocks: number } }> {
  const harness = webhookHarness(options);
  const source = harness.deps.findSource("test");
  if (!source) throw new Error("no source");
  const entries = Object.entries(headers(Math.floor(harness.clock.now() / 1_000))).filter(
    ([, value]) => value !== undefined,
  );
  const request = toRequest(sentBody, Object.fromEntries(entries) as SentHeaders);
  const auth = await authenticate(
    { headers: request.headers, bytes: new TextEncoder().encode(sentBody), isKeyed: false },
    source,
    harness.deps,
  );
  return { auth, cost: harness.cost };
}

const validHeaders = (nowS: number): Record<string, string> => ({
  ...standardHeaders(testKey, body, id, nowS),
});

describe("Standard Webhooks: the fifteen cases of the specification", () => {
  test("1: a valid signature is accepted with the delivery's id", async () => {
    expect((await authenticateRequest(validHeaders)).auth).toEqual({
      kind: "authenticated",
      id,
      isIdSigned: true,
    });
  });

  test("2: the published example has the published signature", () => {
    const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    expect(standardSignature(key, id, 1_614_265_330, body)).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  test.each<[string, Record<string, string | undefined>]>([
    ["3: without an id", { "webhook-id": undefined }],
    ["4: without a time stamp", { "webhook-timestamp": undefined }],
    ["5: with a time stamp that is none", { "webhook-timestamp": "hello" }],
    ["6: without a signature", { "webhook-signature": undefined }],
    [
      "7: with another signature",
      { "webhook-signature": `v1,${Buffer.alloc(32).toString("base64")}` },
    ],
  ])("a delivery is refused %s", async (_, change) => {
    expect(
      (await authenticateRequest((nowS) => ({ ...validHeaders(nowS), ...change }))).auth.kind,
    ).toBe("refused");
  });

  test("8: part of a signature is refused", async () => {
    const withCutSignature = (nowS: number) => ({
      ...validHeaders(nowS),
      "webhook-signature": validHeaders(nowS)["webhook-signature"]?.slice(0, 8),
    });
    expect((await authenticateRequest(withCutSignature)).auth.kind).toBe("refused");
  });

  test.each<[string, string, number]>([
    ["9: X02, F69: 301 s old", "refused", -301],
    ["X02: 300 s old", "authenticated", -300],
    ["10: X02, F69: 301 s ahead", "refused", 301],
    ["X02: 300 s ahead", "authenticated", 300],
  ])("a delivery with a time stamp %s is %s", async (_, kind, offsetS) => {
    expect(
      (await authenticateRequest((nowS) => standardHeaders(testKey, body, id, nowS + offsetS))).auth
        .kind,
    ).toBe(kind);
  });

  test("11: one valid signature among several is enough", async () => {
    const withSeveralSignatures = (nowS: number) => ({
      ...validHeaders(nowS),
      "webhook-signature": [
        "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
        "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
        validHeaders(nowS)["webhook-signature"],
        "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
      ].join(" "),
    });
    expect((await authenticateRequest(withSeveralSignatures)).auth.kind).toBe("authenticated");
  });

  test.each([
    ["12: with its prefix", testKey],
    ["13: without its prefix", testKey.replace("whsec_", "")],
  ])("a key is accepted %s", async (_, key) => {
    expect(
      (await authenticateRequest(validHeaders, body, { secrets: { "webhook-test": key } })).auth
        .kind,
    ).toBe("authenticated");
  });

  test("14: an empty body is signed like any other", async () => {
    const auth = await authenticateRequest((nowS) => standardHeaders(testKey, "", id, nowS), "");
    expect(auth.auth.kind).toBe("authenticated");
  });

  test("15: the same headers under their older names are accepted", async () => {
    const withOlderNames = (nowS: number) =>
      Object.fromEntries(
        Object.entries(validHeaders(nowS)).map(([name, value]) => [
          name.replace("webhook-", "svix-"),
          value,
        ]),
      );
    expect((await authenticateRequest(withOlderNames)).auth.kind).toBe("authenticated");
  });
});

describe("a signature", () => {
  test("X01: a signature that differs in any one of its 256 bits is refused", async () => {
    for (let bit = 0; bit < 256; bit += 1) {
      const withFlippedBit = (nowS: number) => {
        const bytes = Buffer.from(
          validHeaders(nowS)["webhook-signature"]?.slice(3) ?? "",
          "base64",
        );
        bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        return { ...validHeaders(nowS), "webhook-signature": `v1,${bytes.toString("base64")}` };
      };
      expect((await authenticateRequest(withFlippedBit)).auth.kind, `bit ${bit}`).toBe("refused");
    }
  });

  test.each([
    ["X01: one more space in the body", `${body} `],
    ["F69: another body", '{"test": 2432232315}'],
  ])("a signature is refused for %s", async (_, sentBody) => {
    expect((await authenticateRequest(validHeaders, sentBody)).auth.kind).toBe("refused");
  });

  test("a signature of another id, time or version is refused", async () => {
    const changes = [{ "webhook-id": "msg_other" }, { "webhook-signature": "" }];
    for (const change of changes)
      expect(
        (await authenticateRequest((nowS) => ({ ...validHeaders(nowS), ...change }))).auth.kind,
      ).toBe("refused");
    const asVersion2 = (nowS: number) => ({
      ...validHeaders(nowS),
      "webhook-signature": validHeaders(nowS)["webhook-signature"]?.replace("v1,", "v2,"),
    });
    expect((await authenticateRequest(asVersion2)).auth.kind).toBe("refused");
    const withMovedTimestamp = (nowS: number) => ({
      ...validHeaders(nowS),
      "webhook-timestamp": String(nowS + 1),
    });
    expect((await authenticateRequest(withMovedTimestamp)).auth.kind).toBe("refused");
  });

  test("X37: a malformed signature costs no read of the secret", async () => {
    const { cost } = await authenticateRequest((nowS) => ({
      ...validHeaders(nowS),
      "webhook-signature": "v1,nonsense",
    }));
    expect(cost).toMatchObject({ secrets: 0, clocks: 0 });
  });

  test("at most 16 signatures of one request are compared", async () => {
    const withManyGuesses = (nowS: number) => ({
      ...validHeaders(nowS),
      "webhook-signature": `${`v1,${Buffer.alloc(32).toString("base64")} `.repeat(1_000)}${validHeaders(nowS)["webhook-signature"]}`,
    });
    expect((await authenticateRequest(withManyGuesses)).auth.kind).toBe("refused");
  });
});

describe("a wrong clock", () => {
  test("F55: a clock ten minutes ahead or behind refuses no valid delivery: the storage's clock decides", async () => {
    for (const aheadMs of [600_000, -600_000]) {
      expect((await authenticateRequest(validHeaders, body, { aheadMs })).auth.kind).toBe(
        "authenticated",
      );
    }
  });

  test("F55: a delivery that is too old by the storage's clock is refused", async () => {
    const oldHeaders = (nowS: number) => standardHeaders(testKey, body, id, nowS - 301);
    expect((await authenticateRequest(oldHeaders, body, { aheadMs: -600_000 })).auth.kind).toBe(
      "refused",
    );
  });

  test("the storage's clock is not read for an invalid signature", async () => {
    const forgedHeaders = (nowS: number) => standardHeaders(standardKey(), body, id, nowS);
    const { cost, auth } = await authenticateRequest(forgedHeaders, body, { aheadMs: 600_000 });
    expect(auth.kind).toBe("refused");
    expect(cost.clocks).toBe(0);
  });
});

describe("a rotation", () => {
  const next = standardKey();
  const bothKeys = (notAfter: string): string =>
    JSON.stringify([
      { kid: "new", key: next },
      { kid: "old", key: testKey, notAfter },
    ]);

  test("F70: the old and the new key are valid during a rotation", async () => {
    const secrets = { "webhook-test": bothKeys("2026-01-06T00:00:00Z") };
    expect((await authenticateRequest(validHeaders, body, { secrets })).auth.kind).toBe(
      "authenticated",
    );
    expect(
      (
        await authenticateRequest((nowS) => standardHeaders(next, body, id, nowS), body, {
          secrets,
        })
      ).auth.kind,
    ).toBe("authenticated");
  });

  test("F70: the old key is refused after its expiry", async () => {
    const secrets = { "webhook-test": bothKeys("2026-01-05T05:59:59Z") };
    expect((await authenticateRequest(validHeaders, body, { secrets })).auth.kind).toBe("refused");
    expect(
      (
        await authenticateRequest((nowS) => standardHeaders(next, body, id, nowS), body, {
          secrets,
        })
      ).auth.kind,
    ).toBe("authenticated");
  });
});

test("the signer of the tests agrees with the specification", () => {
  const key = Buffer.from(testKey.slice(6), "base64");
  const expected = createHmac("sha256", key).update("a.1.b").digest("base64");
  expect(standardSignature(testKey, "a", 1, "b")).toBe(`v1,${expected}`);
});
