/** P14: no canary is kept by a dead letter, a log line, an error or an audit record. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApiClient } from "../../../shared/http-pipeline/send.ts";
import { log, withInvocation } from "../../../shared/runtime/log.ts";
import { hourMs, systemClock } from "../../../shared/runtime/time.ts";
import { writeDeadLetter } from "../../../shared/storage/dead-letters.ts";
import { alertPlatform } from "../../support/alert-platform.ts";
import { alertIdOf } from "../../support/alert-service-model.ts";
import { canaries } from "../../support/canaries.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const toText = (input: unknown): string =>
  typeof input === "string" ? input : JSON.stringify(input);

/** The names of canaries whose secret a text holds, also escaped once or twice. */
const listKept = (text: string): readonly string[] =>
  canaries
    .filter(([, , secret]) => {
      const escaped = JSON.stringify(secret).slice(1, -1);
      return [secret, escaped, JSON.stringify(escaped).slice(1, -1)].some((form) =>
        text.includes(form),
      );
    })
    .map(([name]) => name);

test("there are at least 40 canaries, each found before it is removed", () => {
  expect(new Set(canaries.map(([name]) => name)).size).toBe(canaries.length);
  expect(canaries.length).toBeGreaterThanOrEqual(40);
  for (const [name, input] of canaries) expect(listKept(toText(input))).toContain(name);
});

describe("no canary is kept", () => {
  test("by a dead letter, in its message, its text or its detail", async () => {
    const store = createMemoryRecords({ clock: createVirtualClock() });
    for (const [index, [, input]] of canaries.entries()) {
      const text = toText(input);
      const write = (raw: unknown, detail?: string) =>
        writeDeadLetter(store, "alert-verdicts", raw, { reason: "permanent", detail });
      await write({ index, note: input, deep: [{ list: [input] }] });
      await write(`not JSON ${text}`);
      await write({ index }, `the service said: ${text}`);
    }
    const letters = store.paths().map((path) => store.peek(path) ?? "");
    expect(letters.length).toBe(3 * canaries.length);
    expect(listKept(letters.join("\n"))).toEqual([]);
  });

  test("by a line of the log", () => {
    const lines: string[] = [];
    withInvocation({ correlationId: "c", write: (_, line) => void lines.push(line) }, () => {
      for (const [, input] of canaries) {
        log("webhook.refused", { cause: toText(input), source: "siem" });
        log("upstream.refused", { code: toText(input), requestId: toText(input) });
      }
    });
    expect(lines.length).toBe(2 * canaries.length);
    expect(listKept(lines.join("\n"))).toEqual([]);
  });

  test("by an audit record or an alert's record when Cloud Apps quotes it", async () => {
    let next = 0;
    const platform = alertPlatform(1, {
      refuse: () => `400: ${toText(canaries[next++ % canaries.length]?.[1])}`,
    });
    platform.sendVerdict({ alertIds: [alertIdOf(1)] });
    await platform.runFor(60 * hourMs);
    const texts = platform.store.paths().map((path) => platform.store.peek(path) ?? "");
    expect(texts.join("\n")).toContain("400: ");
    expect(listKept(texts.join("\n"))).toEqual([]);
  });
});

describe("an error of a service that quotes canaries", () => {
  let server: Server;
  let quoted = "";
  beforeAll(async () => {
    server = createServer((_, response) => {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { code: quoted, message: quoted } }));
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => void server.close());

  test("holds none of them in its message, its code or its stack", async () => {
    const { port } = server.address() as AddressInfo;
    const client = createApiClient({
      api: "hunting",
      baseUrl: `http://127.0.0.1:${port}`,
      authorizer: {
        createHeader: async () => ({ name: "authorization", value: "Bearer x", secret: "x" }),
        reportRefused: () => false,
      },
      clock: systemClock,
      log,
    });
    const texts: string[] = [];
    for (const [, input] of canaries) {
      quoted = toText(input);
      const error = await client.send({ method: "GET", path: "/x" }).catch((each: unknown) => each);
      texts.push(JSON.stringify(error), String(error instanceof Error ? error.stack : error));
    }
    expect(texts.length).toBe(2 * canaries.length);
    expect(listKept(texts.join("\n"))).toEqual([]);
  });
});
