import { describe, expect, test } from "vitest";
import { redactJson, redactText } from "../../../shared/runtime/redact.ts";
import { canaries } from "../../support/canaries.ts";

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
