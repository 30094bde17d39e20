import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseTimeSpan, readHostConfig } from "./config.ts";
import { fixtureRoot } from "./fixture.ts";

function writeHostJson(text: string): string {
  const root = mkdtempSync(join(tmpdir(), "huntline-host-"));
  writeFileSync(join(root, "host.json"), text);
  return root;
}

describe("host.json", () => {
  test("uses the platform's defaults for absent members of host.json", () => {
    const config = readHostConfig(writeHostJson('{"version":"2.0"}'), {});
    expect(config).toMatchObject({
      routePrefix: "api",
      functionTimeoutMs: 1_800_000,
      hasExtensionBundle: false,
      queues: {
        batchSize: 16,
        maxDequeueCount: 5,
        visibilityTimeoutMs: 0,
        maxPollingIntervalMs: 60_000,
        messageEncoding: "base64",
      },
    });
  });

  test("AzureFunctionsJobHost__ settings in any case override host.json", () => {
    const config = readHostConfig(fixtureRoot, {
      AzureFunctionsJobHost__extensions__queues__maxDequeueCount: "9",
      azurefunctionsjobhost__EXTENSIONS__http__ROUTEPREFIX: "",
    });
    expect([config.queues.maxDequeueCount, config.routePrefix, config.queues.batchSize]).toEqual([
      9,
      "",
      4,
    ]);
  });

  test("a functionTimeout of -1 disables the time limit", () => {
    expect(
      readHostConfig(fixtureRoot, { AzureFunctionsJobHost__functionTimeout: "-1" })
        .functionTimeoutMs,
    ).toBe(Infinity);
  });

  test.each([
    ["{}", "/version"],
    ['{"version":"2.0","extensions":{"queues":{"batchSize":33}}}', "/extensions/queues/batchSize"],
    [
      '{"version":"2.0","extensions":{"queues":{"visibilityTimeout":"soon"}}}',
      "/extensions/queues/visibilityTimeout",
    ],
    [
      '{"version":"2.0","extensions":{"queues":{"messageEncoding":"utf8"}}}',
      "/extensions/queues/messageEncoding",
    ],
    ['{"version":"2.0","logging":{"logLevel":{"default":"Loud"}}}', "/logging/loglevel/default"],
    ["{", "cannot read"],
  ])("refuses %s and names %s", (text, pointer) => {
    expect(() => readHostConfig(writeHostJson(text), {})).toThrow(pointer);
  });

  test.each([
    ["00:10:00", 600_000],
    ["1.02:03:04.5", 93_784_500],
    ["00:05", 300_000],
    ["24:00:00", undefined],
    ["ten", undefined],
  ])("reads the time span %s as %s ms", (text, ms) => {
    expect(parseTimeSpan(text)).toBe(ms);
  });
});
