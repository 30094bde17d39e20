/** A playbook pastes what its SIEM sent, and gets one honest answer for each hash in it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import {
  readJson,
  readResult,
  startStack,
  postJson,
  waitUntil,
  type Stack,
} from "../support/stack.ts";

interface Report {
  readonly results: readonly {
    readonly hash: string;
    readonly status: string;
    readonly fromCache: boolean;
  }[];
  readonly summary: Readonly<Record<string, number>>;
  readonly skipped: readonly { readonly hash: string; readonly reason: string }[];
}

let stack: Stack;
let host: RunningHost;

beforeAll(async () => {
  stack = await startStack({}, { BULK_LOOKUP_THRESHOLD: "50" });
  // Without the timers, which would start hunts and add to the counted calls.
  host = await stack.startHost({
    functions: ["enrich_files", "enrich_file", "get_job", "process_file_lookups"],
  });
});
afterAll(() => stack.stop());

const unknownHash = "1f".repeat(20);
const knownHash = (index: number): string => stack.simulator.dataset.files[index]?.sha1 ?? "";
const countStatCalls = (): number =>
  stack.simulator.listRequests().filter(({ path }) => path.includes("/stats")).length;

describe("a SIEM's payload", () => {
  test("is searched as it is: file hashes are answered, a device id is left out with its reason", async () => {
    const device = "0123456789abcdef0123456789abcdef01234567";
    const reply = await postJson(`${host.url}/api/files/stats`, {
      DeviceId: device,
      evidence: [{ SHA1: knownHash(0).toUpperCase() }, { note: `also sha1:${unknownHash}` }],
    });
    expect(reply.status).toBe(200);
    const report = await readResult<Report>(reply);
    expect(report.results.map(({ hash, status }) => [hash, status])).toEqual([
      [knownHash(0), "found"],
      [unknownHash, "notFound"],
    ]);
    expect(report.skipped.map(({ hash }) => hash)).toEqual([device]);
  });

  test("asked about again within the cache's age costs no call", async () => {
    const before = countStatCalls();
    const report = await readResult<Report>(
      await postJson(`${host.url}/api/files/stats`, { sha1: [knownHash(0), unknownHash] }),
    );
    expect(report.results.every(({ fromCache }) => fromCache)).toBe(true);
    expect(countStatCalls()).toBe(before);
  });

  test("with a string that is no hash has it invalid in its own result, the rest served", async () => {
    const report = await readResult<Report>(
      await postJson(`${host.url}/api/files/stats`, { sha1: [knownHash(1), "../machines"] }),
    );
    expect(report.results.map(({ status }) => status)).toEqual(["found", "invalid"]);
  });

  test.each([
    ["above 1 MiB", "x".repeat(1_048_577), "application/json", 413],
    ["that is no JSON where JSON is due", "{", "application/json", 400],
    ["of another media type", "hash", "image/png", 415],
  ])("%s is refused", async (_, body, type, status) => {
    const reply = await fetch(`${host.url}/api/files/stats`, {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
    expect(reply.status).toBe(status);
    expect(await readJson<object>(reply)).toMatchObject({
      status,
      instance: expect.stringMatching(/^urn:uuid:/) as string,
    });
  });
});

describe("one hash", () => {
  test("is answered on its own address, and a text that is none is 400", async () => {
    const one = await fetch(`${host.url}/api/files/${knownHash(0)}/stats`);
    expect(await readResult<Report>(one)).toMatchObject({
      results: [{ hash: knownHash(0), status: "found" }],
    });
    expect((await fetch(`${host.url}/api/files/nonsense/stats`)).status).toBe(400);
  });
});

describe("many hashes", () => {
  test("become a job that needs no key but its own, and the short way answers them in a few calls", async () => {
    const hashes = stack.simulator.dataset.files.slice(2, 102).map(({ sha1 }) => sha1);
    const reply = await postJson(`${host.url}/api/files/stats`, { sha1: hashes });
    expect(reply.status).toBe(202);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    const location = reply.headers.get("location") ?? "";
    expect((await fetch(location.replace(/key=.*/, "key=1.forged"))).status).toBe(401);
    const finished = await waitUntil(
      () => fetch(location),
      ({ status }) => status === 200,
    );
    const report = await readResult<Report>(finished);
    expect(report.summary["pending"]).toBe(0);
    expect(report.results).toHaveLength(hashes.length);
    const hunts = stack.simulator
      .listRequests()
      .filter(({ path }) => path.endsWith("/runHuntingQuery"));
    expect(hunts.length).toBeLessThanOrEqual(2);
  });
});
