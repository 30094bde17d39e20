import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  blockScriptFormats,
  discoveryResource,
  largestLogBytes,
  singlePutBytes,
  type BlockScriptFormat,
  type TrafficLog,
} from "../../../../shared/clients/cloud-apps/discovery.ts";
import type { Pipe } from "../../../../shared/http-pipeline/api-client.ts";
import type { Tenant } from "../../../simulator/simulator.ts";
import { startTenantWithPipe } from "./simulator-client.ts";

let tenant: Tenant;
let pipe: Pipe;

beforeAll(async () => {
  ({ tenant, pipe } = await startTenantWithPipe(0));
});
afterAll(() => tenant.stop());
beforeEach(() => {
  tenant.faults.clear();
  tenant.log.clear();
});

const line = "2026-01-05T06:00:00Z 10.0.0.1 files.example 200 512\n";
const whole = (bytes: number): Buffer => Buffer.alloc(bytes, line);
const logOf = (content: Buffer, more: Partial<TrafficLog> = {}): TrafficLog => ({
  filename: "proxy of today.log",
  source: "GENERIC_W3C",
  inputStreamName: "Headquarters",
  bytes: content.length,
  read: async (from, to) => content.subarray(from, to),
  ...more,
});
const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");
const uploaded = () => [...tenant.cloudApps.portal.discovery.uploads.values()].at(-1);
const puts = () => tenant.requests({ route: "discovery-log.put" });
const answer = (route: string, body: unknown): void =>
  void tenant.faults.add({
    kind: "answer",
    route,
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

describe("a log", () => {
  test("of 64 MB or less goes up in one piece, without a token, and is reported done", async () => {
    const content = whole(20_000);
    const sent: number[] = [];
    await discoveryResource(pipe).upload(logOf(content, { asSnapshot: true }), (bytes) =>
      sent.push(bytes),
    );
    expect(uploaded()).toMatchObject({
      filename: "proxy of today.log",
      source: "GENERIC_W3C",
      content: { bytes: 20_000, sha256: sha256(content), blocks: 1 },
      stream: "Headquarters",
      isSnapshot: true,
    });
    expect(puts().map(({ authorization }) => authorization)).toEqual(["none"]);
    expect(sent).toEqual([20_000]);
  });

  test("above 64 MB goes up in blocks, in order, and tells how far it is", async () => {
    const content = whole(singlePutBytes + 1_000);
    const sent: number[] = [];
    await discoveryResource(pipe).upload(logOf(content), (bytes) => sent.push(bytes));
    expect(uploaded()).toMatchObject({
      content: { bytes: content.length, sha256: sha256(content), blocks: 5 },
      isSnapshot: false,
    });
    expect(puts()).toHaveLength(6);
    expect(sent).toEqual(
      [1, 2, 3, 4].map((count) => count * 16 * 2 ** 20).concat([content.length, content.length]),
    );
  });

  test("that the storage fails to take once is put again, whole", async () => {
    tenant.faults.add({ kind: "failed", status: 503, route: "discovery-log.put" });
    const content = whole(300);
    await discoveryResource(pipe).upload(logOf(content));
    expect(puts().map(({ status }) => status)).toEqual([503, 201]);
    expect(uploaded()?.content?.sha256).toBe(sha256(content));
  });

  test.each([
    ["for good", 403, "rejected", 1],
    ["for now, thrice", 503, "unavailable", 3],
  ])(
    "refused %s is not reported done, and its address stays secret",
    async (_, status, code, times) => {
      tenant.faults.add({
        kind: "answer",
        route: "discovery-log.put",
        status,
        body: "",
        count: times,
      });
      const failure = await discoveryResource(pipe)
        .upload(logOf(whole(300)))
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ code });
      expect((failure as Error).message).not.toContain(uploaded()?.signature);
      expect(puts()).toHaveLength(times);
      expect(tenant.requests({ route: "discovery.done_upload" })).toEqual([]);
    },
  );

  test("above 5 GB is refused before anything is sent", async () => {
    const log = logOf(whole(1), { bytes: largestLogBytes + 1 });
    await expect(discoveryResource(pipe).upload(log)).rejects.toThrow(RangeError);
    expect(tenant.requests()).toEqual([]);
  });

  test.each([[{}], [{ url: "nowhere", provider: "azure" }], [7]])(
    "is not sent to the address %j",
    async (body) => {
      answer("discovery.upload_url", body);
      await expect(discoveryResource(pipe).upload(logOf(whole(1)))).rejects.toMatchObject({
        code: "unexpected-answer",
      });
      expect(puts()).toEqual([]);
    },
  );

  test("of an appliance that the service does not know is rejected", async () => {
    const log = logOf(whole(1), { source: "ABACUS" });
    await expect(discoveryResource(pipe).upload(log)).rejects.toMatchObject({ code: "rejected" });
  });
});

describe("streams", () => {
  test("are a list, whether the service answers a list or a single one", async () => {
    const known = tenant.cloudApps.portal.discovery.streams;
    expect(await discoveryResource(pipe).streams()).toMatchObject(
      known.map(({ _id }) => ({ _id })),
    );
    const taken = known.splice(1);
    expect(await discoveryResource(pipe).streams()).toMatchObject([{ _id: known[0]?._id }]);
    known.push(...taken);
  });

  test("that are none are unexpected", async () => {
    answer("discovery.streams", 7);
    await expect(discoveryResource(pipe).streams()).rejects.toMatchObject({
      code: "unexpected-answer",
    });
  });

  test("have discovered apps by category", async () => {
    const streamId = tenant.cloudApps.portal.discovery.streams[0]?._id ?? "";
    expect(await discoveryResource(pipe).categories(streamId, { timeFrame: 30 })).toContainEqual({
      id: "SAASDB_CATEGORY_WEBMAIL",
      total: 9,
    });
    expect(tenant.requests().at(-1)?.body).toEqual({ streamId, timeFrame: 30 });
    await expect(discoveryResource(pipe).categories("nobody")).rejects.toMatchObject({
      code: "not-found",
    });
  });

  test("with categories of another shape are unexpected", async () => {
    answer("discovery.categories", { data: [] });
    await expect(discoveryResource(pipe).categories("a")).rejects.toMatchObject({
      code: "unexpected-answer",
    });
  });
});

describe("a block script", () => {
  test.each(Object.keys(blockScriptFormats) as BlockScriptFormat[])(
    "for %s is the service's text",
    async (format) => {
      const script = await discoveryResource(pipe).blockScript(format);
      expect(script).toContain("files.example");
      expect(script.endsWith("\n")).toBe(true);
    },
  );

  test("that is no text is unexpected", async () => {
    answer("discovery_block_scripts.script", { script: "x" });
    await expect(discoveryResource(pipe).blockScript("zscaler")).rejects.toMatchObject({
      code: "unexpected-answer",
    });
  });
});
