import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWTPayload } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTokenValidator } from "../../../shared/clients/token-validator.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const tenantId = "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7001";
const audience = "api://huntline";
let pair: Awaited<ReturnType<typeof generateKeyPair>>;
let server: Server;
let keyReads = 0;
let isDown = false;

beforeAll(async () => {
  pair = await generateKeyPair("RS256", { extractable: true });
  const keys = [{ ...(await exportJWK(pair.publicKey)), kid: "one", use: "sig", alg: "RS256" }];
  server = createServer((_, response) => {
    keyReads += 1;
    response
      .writeHead(isDown ? 500 : 200, { "content-type": "application/json" })
      .end(JSON.stringify({ keys }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => void server.close());

function createChecker() {
  const clock = createVirtualClock();
  const loginUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { clock, loginUrl, check: createTokenValidator({ loginUrl, tenantId, clock }) };
}

/** A sound token; `change` of its claims, `header` of its header. */
async function signToken(
  clock: { now: () => number },
  change: JWTPayload = {},
  header: object = {},
  key = pair.privateKey,
) {
  const nowS = Math.floor(clock.now() / 1_000);
  const claims = {
    iss: `https://sts.windows.net/${tenantId}/`,
    aud: audience,
    tid: tenantId,
    nbf: nowS,
    exp: nowS + 3_600,
    appid: "x",
  };
  return new SignJWT({ ...claims, ...change })
    .setProtectedHeader({ alg: "RS256", kid: "one", ...header })
    .sign(key);
}

describe("X03: a token", () => {
  test("returns the claims of a valid token of version 1 or 2", async () => {
    const { check, clock, loginUrl } = createChecker();
    expect(await check(await signToken(clock), audience)).toMatchObject({
      tid: tenantId,
      appid: "x",
    });
    const version2 = await signToken(clock, { iss: `${loginUrl}/${tenantId}/v2.0` });
    expect(await check(version2, audience)).toMatchObject({ tid: tenantId });
  });

  test.each<[string, JWTPayload, object]>([
    [
      "of another issuer",
      { iss: "https://sts.windows.net/22222222-2222-4222-8222-222222222222/" },
      {},
    ],
    ["for another audience", { aud: "https://graph.microsoft.com" }, {}],
    ["for several audiences", { aud: [audience, "other"] }, {}],
    ["that has expired", { exp: Date.UTC(2026, 0, 5, 5, 58) / 1_000 }, {}],
    ["that is not yet valid", { nbf: Date.UTC(2026, 0, 5, 6, 2) / 1_000 }, {}],
    ["without an end", { exp: undefined as unknown as number }, {}],
    ["without a tenant", { tid: undefined }, {}],
    ["by an unknown key", {}, { kid: "two" }],
    ["that names no key", {}, { kid: undefined }],
  ])("refuses %s", async (_, change, header) => {
    const { check, clock } = createChecker();
    expect(await check(await signToken(clock, change, header), audience)).toBeUndefined();
  });

  test("refuses a token without signature, by another key, or by HS256 with the public key", async () => {
    const { check, clock } = createChecker();
    const validToken = await signToken(clock);
    const [, payload] = validToken.split(".");
    const none = `${Buffer.from('{"alg":"none","kid":"one"}').toString("base64url")}.${payload}.`;
    const { privateKey } = await generateKeyPair("RS256");
    const publicText = new TextEncoder().encode(await exportSPKI(pair.publicKey));
    const confused = await new SignJWT({
      iss: `https://sts.windows.net/${tenantId}/`,
      aud: audience,
      tid: tenantId,
    })
      .setProtectedHeader({ alg: "HS256", kid: "one" })
      .sign(publicText);
    for (const forged of [
      none,
      await signToken(clock, {}, {}, privateKey),
      confused,
      "a.b.c",
      "",
      validToken.slice(0, -2),
    ])
      expect(await check(forged, audience)).toBeUndefined();
  });

  test("X37: a token for another app causes no request for the keys; invented key ids cause one", async () => {
    const { check, clock } = createChecker();
    keyReads = 0;
    for (let time = 0; time < 50; time += 1) {
      await check(await signToken(clock, { aud: "other" }), audience);
      await check("nonsense", audience);
    }
    expect(keyReads).toBe(0);
    for (let time = 0; time < 50; time += 1)
      await check(await signToken(clock, {}, { kid: `made up ${time}` }), audience);
    expect(keyReads).toBe(1);
  });

  test("throws a transient error while the keys cannot be read, with one request in 30 seconds", async () => {
    const { check, clock } = createChecker();
    isDown = true;
    keyReads = 0;
    for (let time = 0; time < 20; time += 1)
      await expect(check(await signToken(clock), audience)).rejects.toMatchObject({
        name: "UpstreamError",
        code: "unavailable",
      });
    expect(keyReads).toBe(1);
    isDown = false;
    await clock.advance(30_000);
    expect(await check(await signToken(clock), audience)).toMatchObject({ tid: tenantId });
  });
});
