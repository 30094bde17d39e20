import { describe, expect, test } from "vitest";
import { redactJson, redactText } from "../../../shared/runtime/redact.ts";

/** Parts of canaries; none is a real credential. */
const value = "Zq8~Xk3-canary-9f";
const key88 =
  "q7Jd0aXz91LmPwR4tYbN8sVuK2eGhC5fQ6iTo3MvB1nDjEyWxSr0HkAp7UlZgO4cI9zFq2vT5bNmR8dXsYwJeA==";
const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ";
const pem =
  "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nAgEAAoIBAQ\n-----END PRIVATE KEY-----";

/** Each canary, and the text that must not remain. */
const canaries: readonly (readonly [name: string, input: unknown, secret: string])[] = [
  ["a client secret", { client_secret: value }, value],
  ["a password", { password: value }, value],
  ["a camelCase secret", { clientSecret: value }, value],
  ["a numeric password", { pwd: 12_345_678 }, "12345678"],
  ["an authorization header", { headers: { authorization: value } }, value],
  ["a header in another case", { Headers: { "X-Functions-Key": value } }, value],
  ["a header list", [{ name: "n", "Proxy-Authorization": `Basic ${value}` }], value],
  ["a cookie", { cookie: `session=${value}; path=/` }, value],
  ["an API key", { "api-key": value }, value],
  ["an access token", { accessToken: value }, value],
  ["a refresh token", { data: { refresh_token: value } }, value],
  ["a list under a secret name", { tokens: { token: [value, value] } }, value],
  ["a nested object", { a: [{ b: { c: { private_key: value } } }] }, value],
  ["a connection string member", { ConnectionString: `AccountKey=${value}` }, value],
  ["a SAS token member", { sasToken: `sv=2024&sig=${value}` }, value],
  ["a signature member", { signature: value }, value],
  ["a name of a member", { [`password=${value}`]: 1 }, value],
  ["a bearer token in a text", `got Bearer ${value}`, value],
  ["a basic credential", "Authorization: Basic dXNlcjpjYW5hcnk=", "dXNlcjpjYW5hcnk"],
  ["a portal token", "Token U0VDUkVUMQ is invalid", "U0VDUkVUMQ"],
  ["a cookie in a text", `cookie: a=1; session=${value}`, value],
  ["an API key in a text", `api_key=${value}`, value],
  ["a password in a text", `the password: ${value} was wrong`, value],
  ["a quoted password", `{"password":"${value} with blanks"}`, "with blanks"],
  ["JSON within JSON", JSON.stringify({ inner: JSON.stringify({ client_secret: value }) }), value],
  ["a form", `grant_type=x&client_secret=${value}&scope=y`, value],
  ["an encoded form", `body=client_secret%3D${value}`, value],
  ["a webhook secret", "whsec_C2FVsBQIhrscChlQIMV", "C2FVsBQIhrsc"],
  ["a personal access token", "ghp_abcdEFGH1234ijklMNOP", "abcdEFGH1234"],
  ["an AWS key id", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7"],
  ["a JSON Web Token", { note: `x ${jwt} y` }, "eyJzdWIi"],
  ["a truncated JSON Web Token", jwt.slice(0, 30), "eyJhbGci"],
  ["a private key", pem, "MIIEvQ"],
  ["a truncated private key", pem.slice(0, 60), "MIIEvQ"],
  ["a storage key", `AccountName=x;AccountKey=${key88};EndpointSuffix=y`, key88.slice(0, 20)],
  ["a storage key without a name", { note: key88 }, key88.slice(0, 20)],
  [
    "base64 of a secret",
    Buffer.from(`{"password":"${value}","user":"someone"}`).toString("base64"),
    "eyJwYXNz",
  ],
  ["a SAS address", "https://x.blob.core.windows.net/c/b?sv=2024&sig=a%2Fb%3D", "a%2Fb"],
  ["a job key", "/api/jobs/5?key=1.AbCdEf123", "1.AbCdEf123"],
  ["a function key in a query", "GET /api/x?code=AbC123==", "AbC123"],
  ["a user in an address", `https://user:${value}@host/`, value],
  ["a shared key header", "SharedKey account:AbC123/x+y=", "AbC123"],
];

describe("redactJson", () => {
  test.each(canaries)("removes %s", (_, input, secret) => {
    expect(JSON.stringify(input)).toContain(secret.replaceAll('"', String.raw`\"`));
    expect(JSON.stringify(redactJson(input))).not.toContain(secret);
  });

  test("keeps ids, hashes, addresses and messages of the caller", () => {
    const kept = {
      id: "incident-4711",
      sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
      alertIds: ["603e4f1b2c3d4e5f60718293"],
      url: "https://contoso.portal.cloudappsecurity.com/#/alerts/603e4f1b2c3d4e5f60718293",
      arm: "/subscriptions/7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7001/resourceGroups/soc-rg1/providers/Microsoft.SecurityInsights/incidents/7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7002",
      code: "TokenIssuedBeforeRevocationTimestamp",
      text: "The token is expired. Http status code=403, code: BadRequest",
      tokenType: "Bearer",
      nothing: null,
    };
    expect(redactJson(kept)).toEqual(kept);
  });
});

describe("redactText", () => {
  const secret = "a+b c/d=Äx&1";

  test.each([
    ["plain", secret],
    ["lower case", secret.toLowerCase()],
    ["URI", encodeURIComponent(secret)],
    ["URI in lower case", encodeURIComponent(secret).toLowerCase()],
    ["a form", encodeURIComponent(secret).replaceAll("%20", "+")],
    ["URI twice", encodeURIComponent(encodeURIComponent(secret))],
    ["base64", Buffer.from(secret).toString("base64")],
    ["base64url", Buffer.from(secret).toString("base64url")],
    ["hex", Buffer.from(secret).toString("hex")],
    ["JSON", JSON.stringify(secret).slice(1, -1)],
  ])("removes a known value in the encoding %s", (_, encoded) => {
    expect(redactText(`before <${encoded}> after`, [secret])).not.toContain(encoded);
  });

  test("removes a known value written with entities", () => {
    const encoded = "abc&#43;def&#47;";
    expect(redactText(`x ${encoded} y`, ["abc+def/"])).toBe("x [removed] y");
  });
});
