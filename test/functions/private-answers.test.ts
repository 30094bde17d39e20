/** What answers tell caches, browsers and strangers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import { postJson, readJson, startStack, type Stack } from "../support/stack.ts";

let stack: Stack;
let host: RunningHost;

beforeAll(async () => {
  stack = await startStack();
  host = await stack.startHost();
});
afterAll(() => stack.stop());

describe("every answer of the API", () => {
  test.each([
    "/api/hunts",
    "/api/hunts/office-starts-script-host",
    "/api/hunts/no-such-hunt",
    "/api/hunts/office-starts-script-host/exports?after=-1",
    "/api/alerts/verdicts",
    `/api/files/${"c".repeat(40)}/stats`,
    "/api/jobs/0123?key=x",
    "/api/health",
    "/api/health/report",
    "/api/quotas",
    "/api/dead-letters",
    "/api/openapi.json",
    "/api/console/config.json",
  ])("is kept by no cache and has a type that no browser guesses: %s", async (path) => {
    const { headers } = await fetch(`${host.url}${path}`);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("has the type JSON for an accepted lookup, with its pre-signed address", async () => {
    const sha1 = Array.from({ length: 150 }, (_, index) => index.toString(16).padStart(40, "d"));
    const { headers } = await postJson(`${host.url}/api/files/stats`, { sha1 });
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-type")).toContain("application/json");
  });
});

describe("an anonymous request while the app is misconfigured", () => {
  const names = /WEBHOOKS|KEY_VAULT|TENANT|secret|vault|setting|webhook-|job-key|https?:/i;

  test.each([
    ["WEBHOOKS is not JSON", { WEBHOOKS: "{" }],
    ["a source has an unknown key", { WEBHOOKS: '{"sentinel":{"auth":"bodyHmac"}}' }],
    ["the vault's address is missing", { KEY_VAULT_URL: "" }],
    ["the vault does not answer", { KEY_VAULT_URL: "http://127.0.0.1:9" }],
  ])("learns no cause when %s", async (_, settings) => {
    const broken = await stack.startHost({ settings });
    const replies = [
      await postJson(`${broken.url}/api/webhooks/sentinel`, {}),
      await fetch(`${broken.url}/api/jobs/${"a".repeat(32)}?key=1.x`),
      await fetch(`${broken.url}/api/health`),
    ];
    for (const reply of replies) {
      const {
        instance: _instance,
        type: _type,
        ...shown
      } = await readJson<{
        instance?: string;
        type?: string;
      }>(reply);
      expect(JSON.stringify(shown)).not.toMatch(names);
    }
    await broken.kill();
  });
});
