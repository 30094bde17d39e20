/** A playbook pastes what its SIEM sent, and gets one honest answer for each hash in it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run.ts";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";

interface Report {
  readonly results: readonly {
    readonly hash: string;
    readonly status: string;
    readonly fromCache: boolean;
  }[];
  readonly summary: Readonly<Record<string, number>>;
  readonly skipped: readonly { readonly hash: string; readonly reason: string }[];
}

let here: Living;
let host: RunningHost;

beforeAll(async () => {
  here = await live({}, { BULK_FROM_HASHES: "50" });
  // Only the doors of this story: at a full quarter of an hour the timers would hunt, too, and be counted with it.
  host = await here.host({
    functions: ["file_stats", "one_file_stats", "show_job", "look_up_files"],
  });
});
afterAll(() => here.end());

const unknown = "0".repeat(40);
const known = (index: number): string => here.tenant.world.files[index]?.sha1 ?? "";
const statCalls = (): number =>
  here.tenant.requests().filter(({ path }) => path.includes("/stats")).length;

describe("a SIEM's payload", () => {
  test("is searched as it is: file hashes are answered, a device id is left out with its reason", async () => {
    const device = "0123456789abcdef0123456789abcdef01234567";
    const reply = await postJson(`${host.url}/api/files/stats`, {
      DeviceId: device,
      evidence: [{ SHA1: known(0).toUpperCase() }, { note: `also sha1:${unknown}` }],
    });
    expect(reply.status).toBe(200);
    const report = await bodyOf<Report>(reply);
    expect(report.results.map(({ hash, status }) => [hash, status])).toEqual([
      [known(0), "found"],
      [unknown, "not_found"],
    ]);
    expect(report.skipped.map(({ hash }) => hash)).toEqual([device]);
  });

  test("asked about again within the cache's age costs no call", async () => {
    const before = statCalls();
    const report = await bodyOf<Report>(
      await postJson(`${host.url}/api/files/stats`, { sha1: [known(0), unknown] }),
    );
    expect(report.results.every(({ fromCache }) => fromCache)).toBe(true);
    expect(statCalls()).toBe(before);
  });

  test("with a string that is no hash has it invalid in its own result, the rest served", async () => {
    const report = await bodyOf<Report>(
      await postJson(`${host.url}/api/files/stats`, { sha1: [known(1), "../machines"] }),
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
    expect(await bodyOf<object>(reply)).toMatchObject({
      status,
      instance: expect.stringMatching(/^urn:uuid:/) as string,
    });
  });
});

describe("one hash", () => {
  test("is answered on its own address, and a text that is none is 400", async () => {
    const one = await fetch(`${host.url}/api/files/${known(0)}/stats`);
    expect(await bodyOf<Report>(one)).toMatchObject({
      results: [{ hash: known(0), status: "found" }],
    });
    expect((await fetch(`${host.url}/api/files/nonsense/stats`)).status).toBe(400);
  });
});

describe("many hashes", () => {
  test("become a job that needs no key but its own, and the short way answers them in a few calls", async () => {
    const hashes = here.tenant.world.files.slice(2, 102).map(({ sha1 }) => sha1);
    const asked = await postJson(`${host.url}/api/files/stats`, { sha1: hashes });
    expect(asked.status).toBe(202);
    expect(Number(asked.headers.get("retry-after"))).toBeGreaterThan(0);
    const place = asked.headers.get("location") ?? "";
    expect((await fetch(place.replace(/key=.*/, "key=1.forged"))).status).toBe(401);
    const done = await until(
      () => fetch(place),
      ({ status }) => status === 200,
    );
    const report = await bodyOf<Report>(done);
    expect(report.summary["pending"]).toBe(0);
    expect(report.results).toHaveLength(hashes.length);
    const hunts = here.tenant.requests().filter(({ path }) => path.endsWith("/runHuntingQuery"));
    expect(hunts.length).toBeLessThanOrEqual(2);
  });
});
