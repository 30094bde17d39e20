/**
 * Controls of the security checklist that apply to several endpoints, each with its number
 * (guarantees.md). Tests of X01–X10, X21–X23 and X36–X38 are with the webhooks.
 */
import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFilesClient } from "../../shared/clients/files.ts";
import { createTokenSource } from "../../shared/clients/token-source.ts";
import { createVault } from "../../shared/clients/vault.ts";
import { createProfileQuery } from "../../shared/files/bulk-queries.ts";
import { reportToCsv } from "../../shared/files/report-csv.ts";
import { findNextRun } from "../../shared/files/hash-runs.ts";
import { toSingleHashRequest } from "../../shared/files/lookup-request.ts";
import { analyzeQuery } from "../../shared/kql/compile/analysis.ts";
import { readLookup, readLookupQuery } from "../../shared/contracts/file-lookup.ts";
import { parseJsonBody } from "../../shared/http/request-body.ts";
import { huntNameSchema, instant } from "../../shared/contracts/hunt-run.ts";
import { verdictId } from "../../shared/contracts/alert-verdict.ts";
import { webhookSource } from "../../shared/contracts/webhook.ts";
import { redact } from "../../shared/http-pipeline/redact.ts";
import { createApiClient } from "../../shared/http-pipeline/send.ts";
import { readSettings } from "../../shared/runtime/settings.ts";
import { systemClock } from "../../shared/runtime/time.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const options = { lookBackHours: 720, information: false, where: false, all: false };

/** Source files that are deployed. */
const deployedFiles = ["functions", "shared"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/^(?:build|cli|console|kql)\//.test(name))
    .map((name) => join(folder, name)),
);

describe("X11, F59: prototypes", () => {
  test("stay unchanged after bodies with hostile names are read", () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    for (const text of [
      '{"__proto__":{"a":1}}',
      '{"constructor":{"prototype":{"a":1}}}',
      '{"x":{"__proto__":1}}',
    ])
      expect(() => parseJsonBody(Buffer.from(text), "application/json")).toThrow(
        expect.objectContaining({ status: 400 }),
      );
    expect(
      parseJsonBody(Buffer.from('{"toString":1,"constructor":"x"}'), "application/json"),
    ).toBeDefined();
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });

  test("are never merged into: no deployed file uses Object.assign or a deep merge", () => {
    const merging = deployedFiles.filter((file) =>
      /Object\.assign\(|\bmerge(?:Deep|With)\(/.test(readFileSync(file, "utf8")),
    );
    expect(merging).toEqual([]);
  });
});

describe("X12: the search for hashes", () => {
  test.each([
    "a",
    `${"a".repeat(39)} `,
    `${"a".repeat(41)} `,
    `${"\\".repeat(9)}n${"a".repeat(40)}`,
  ])("looks at each character of a text of %j no more than a few times", (unit) => {
    // Counted, not timed: how often a character is asked for.
    const text = unit.repeat(Math.ceil(200_000 / unit.length));
    let reads = 0;
    const counted = {
      length: text.length,
      charCodeAt: (at: number) => ((reads += 1), text.charCodeAt(at)),
      charAt: (at: number) => ((reads += 1), text.charAt(at)),
    };
    const run = { start: 0, end: 0 };
    while (findNextRun(counted as unknown as string, run));
    expect(reads).toBeGreaterThan(1_000);
    expect(reads).toBeLessThan(4 * text.length);
  });
});

describe("X13, F61: a hash in a path", () => {
  const hostile = [
    "../machines",
    "%2e%2e/machines",
    "abc?x=1",
    "a".repeat(39),
    "a".repeat(41),
    "１".repeat(40),
    `${"a".repeat(40)}/..`,
  ];

  test.each(hostile)(
    "refuses %j in the endpoint and in the client, before any call",
    async (text) => {
      expect(() => toSingleHashRequest(text, options)).toThrow(
        expect.objectContaining({ status: 400 }),
      );
      let calls = 0;
      const failSend = () => Promise.reject(new Error(`call ${(calls += 1)}`));
      const files = createFilesClient(
        { send: failSend, stream: failSend },
        { acquirePermit: () => Promise.reject(new Error("no permit")) },
      );
      const limits = { maxWaitMs: 0, deadlineMs: 1 };
      await expect(
        Promise.resolve().then(() => files.statistics(text, 24, limits)),
      ).rejects.toThrow(RangeError);
      expect(calls).toBe(0);
    },
  );
});

describe("X14: lookBackHours", () => {
  test.each(["0", "721", "1.5", "1e2", "-1", "", " 1", "[1]", "١"])(
    "refuses %j in a query and names the parameter",
    (text) => {
      expect(() => readLookupQuery(new URLSearchParams({ lookBackHours: text }))).toThrow(
        expect.objectContaining({ errors: [expect.objectContaining({ path: "/lookBackHours" })] }),
      );
    },
  );

  test.each<unknown>([0, 721, 1.5, "24", null, [24], {}])(
    "refuses %j in a body and names the member",
    (lookBackHours) => {
      const body = { kind: "json", value: { sha1: [], lookBackHours } } as const;
      expect(() => readLookup(new URLSearchParams(), body)).toThrow(
        expect.objectContaining({ errors: [expect.objectContaining({ path: "/lookBackHours" })] }),
      );
    },
  );

  test.each([1, 720])("accepts %j", (hours) => {
    expect(
      readLookupQuery(new URLSearchParams({ lookBackHours: String(hours) })).lookBackHours,
    ).toBe(hours);
  });
});

describe("X15, F74: an outbound address", () => {
  test.each([
    "https://x.us.portal.cloudappsecurity.com@evil.example",
    "https://x.us.portal.cloudappsecurity.com.evil.example",
    "https://evil.example/x.us.portal.cloudappsecurity.com",
    "http://x.us.portal.cloudappsecurity.com",
    "https://x.us.portal.cloudappsecurity.com:8443",
    "https://x.us.portal.cloudappsecurity.com/path",
    "https://x.us.portal.cloudappsecurity.com?x=1",
    "https://169.254.169.254",
    "https://us.portal.cloudappsecurity.com",
  ])("refuses %s when settings are read", (url) => {
    expect(() => readSettings(["CLOUD_APPS_URL"], { CLOUD_APPS_URL: url })).toThrow(
      expect.objectContaining({ settings: ["CLOUD_APPS_URL"] }),
    );
  });

  test("does not follow a redirect, for example to the metadata service", async () => {
    const requestedPaths: string[] = [];
    const server = createServer((request, response) => {
      requestedPaths.push(request.url ?? "");
      response.writeHead(302, { location: "/metadata/identity/oauth2/token" }).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    await expect(
      createClientFor(server.address() as AddressInfo, "token").send({
        method: "GET",
        path: "/x",
        tries: 1,
      }),
    ).rejects.toThrow();
    server.close();
    expect(requestedPaths).toEqual(["/x"]);
  });
});

const createClientFor = ({ port }: AddressInfo, token: string) =>
  createApiClient({
    api: "files",
    baseUrl: `http://127.0.0.1:${port}`,
    authorizer: {
      createHeader: async () => ({
        name: "authorization",
        value: `Bearer ${token}`,
        secret: token,
      }),
      reportRefused: () => undefined,
    },
    quota: {
      acquirePermit: async () => ({
        kind: "permit",
        permit: { usableUntilMs: Date.now() + 1_000 },
      }),
      report: async () => undefined,
    },
    clock: systemClock,
    log: () => undefined,
  });

describe("X16, F63: a value in a query", () => {
  test("inserts a hash only as a checked literal, so no text changes the structure of the query", () => {
    const plain = createProfileQuery("SHA1", ["a".repeat(40)]);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.constantFrom('"] | union Users //', "a".repeat(40), `${"a".repeat(39)}"`),
        ),
        (text) => {
          try {
            expect(createProfileQuery("SHA1", [text]).replace(text, "a".repeat(40))).toBe(plain);
            expect(text).toMatch(/^[0-9a-f]{40}$/);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
          }
        },
      ),
    );
  });

  test.each([
    "2026-01-05T06:00:00Z) | union Users | where (true",
    "ago(1d)",
    "2026-02-30T00:00:00Z",
    "now()",
    "",
  ])("refuses %j as an instant", (text) => {
    expect(instant.safeParse(text).success).toBe(false);
  });
});

describe("X17: a hunt's query", () => {
  test.each([
    ["management commands", ".drop table DeviceEvents"],
    ["another cluster", "cluster('x').database('y').T | take 1"],
    ["another workspace", "workspace('x').SecurityEvent | take 1"],
  ])("refuses %s when the hunt is built", (_, query) => {
    expect(analyzeQuery(query).errors.length).toBeGreaterThan(0);
  });

  test("warns of a query that reads external data", () => {
    const query =
      'let bad = externaldata(h: string) ["https://a.example/x"];\nDeviceEvents | where SHA1 in (bad)';
    expect(JSON.stringify(analyzeQuery(query).warnings)).toContain("externaldata");
  });
});

describe("X18: a header's value", () => {
  test.each(["a\r\nx-evil: 1", "a\nb", "a\0b", "snow\u2603man"])(
    "neither sends nor quotes the header value %j",
    async (token) => {
      const requestedPaths: string[] = [];
      const server = createServer((request, response) => {
        requestedPaths.push(request.url ?? "");
        response.end("{}");
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const failure = await createClientFor(server.address() as AddressInfo, token)
        .send({ method: "GET", path: "/x", tries: 1 })
        .catch((error: unknown) => error);
      server.close();
      expect(requestedPaths).toEqual([]);
      expect(failure).toBeInstanceOf(Error);
      expect(String(failure)).not.toContain(token);
    },
  );
});

describe("X19, F64: a cell of CSV", () => {
  test.each(["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])(
    "writes a cell that begins with %j as text for spreadsheets",
    (text) => {
      const result = {
        hash: text,
        sha1: null,
        status: "invalid",
        source: null,
        statistics: null,
        asOf: null,
        fromCache: false,
        stale: false,
        problem: null,
      } as unknown as Parameters<typeof reportToCsv>[0]["results"][number];
      const report = {
        results: [result],
        summary: { found: 0, notFound: 0, invalid: 1, pending: 0, failed: 0 },
        lookBackHours: 720,
        skipped: [],
      };
      const cell = reportToCsv(report, options).split("\r\n").slice(1).join("\r\n");
      expect(cell).toMatch(/^"?'/);
    },
  );
});

describe("X20: a name in a path", () => {
  test.each(["../x", "a/b", "A b", "", "x".repeat(101), "%2e", "a\0", ".", ".."])(
    "refuses %j as a name in a path",
    (text) => {
      for (const schema of [huntNameSchema, verdictId, webhookSource])
        expect(schema.safeParse(text).success).toBe(false);
    },
  );
});

describe("F71, X23: a setting without a value", () => {
  test.each(["@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s/)", "", "   "])(
    "treats %j as missing and names the setting without its value",
    (value) => {
      for (const name of ["TENANT_ID", "KEY_VAULT_URL", "CLOUD_APPS_URL"] as const) {
        expect(() => readSettings([name], { [name]: value })).toThrow(
          expect.objectContaining({ settings: [name] }),
        );
      }
      expect(() => readSettings(["WEBHOOKS"], { WEBHOOKS: "@Microsoft.KeyVault(x)" })).toThrow(
        /^App settings to fix: WEBHOOKS \(must be a JSON object/,
      );
    },
  );
});

describe("F72, F73: an unreachable vault or identity endpoint", () => {
  test("fails one shared read for all waiting callers and returns no value", async () => {
    const vault = createVault({
      url: "http://127.0.0.1:9",
      identityClientId: undefined,
      clock: createVirtualClock(),
      log: () => undefined,
    });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => vault.getSecret("webhook-x")),
    );
    const reasons = new Set(
      outcomes.map((outcome) =>
        outcome.status === "rejected" ? String(outcome.reason) : undefined,
      ),
    );
    expect(reasons.size).toBe(1);
    expect(String([...reasons][0])).toContain("webhook-x");
  }, 30_000);

  test("fails one shared token request for all waiting callers", async () => {
    const tokens = createTokenSource({
      credential: { kind: "managed-identity", clientId: "x" },
      audience: "https://a.example",
      clock: createVirtualClock(),
    });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => tokens.getToken()));
    expect(
      new Set(
        outcomes.map((outcome) =>
          outcome.status === "rejected" ? String(outcome.reason) : undefined,
        ),
      ).size,
    ).toBe(1);
  }, 60_000);
});

describe("F75: a token in a service's error", () => {
  test.each([
    "Bearer abcdefghijklmnop",
    "https://x.example/?sig=abcdefghijklmnop",
    "token=abcdefghijklmnop",
  ])("removes the token from %j", (text) => {
    expect(redact(`refused: ${text} for you`)).not.toContain("abcdefghijklmnop");
    expect(redact("you sent s3cret-value", ["s3cret-value"])).not.toContain("s3cret-value");
  });
});
