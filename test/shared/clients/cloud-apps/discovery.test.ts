import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  blockScriptFormats,
  createDiscoveryResource,
  maxLogBytes,
  singlePutBytes,
  type BlockScriptFormat,
  type TrafficLog,
} from "../../../../shared/clients/cloud-apps/discovery.ts";
import type { ApiClient } from "../../../../shared/http-pipeline/api-client.ts";
import type { Simulator } from "../../../simulator/simulator.ts";
import { startSimulatorWithClient } from "./simulator-client.ts";

let simulator: Simulator;
let client: ApiClient;

beforeAll(async () => {
  ({ simulator, client } = await startSimulatorWithClient(0));
});
afterAll(() => simulator.stop());
beforeEach(() => {
  simulator.faults.clear();
  simulator.log.clear();
});

const line = "2026-01-05T06:00:00Z 10.0.0.1 files.example 200 512\n";
const createContent = (bytes: number): Buffer => Buffer.alloc(bytes, line);
const createLog = (content: Buffer, changes: Partial<TrafficLog> = {}): TrafficLog => ({
  filename: "proxy of today.log",
  source: "GENERIC_W3C",
  inputStreamName: "Headquarters",
  bytes: content.length,
  read: async (from, to) => content.subarray(from, to),
  ...changes,
});
const hashContent = (content: Buffer): string => createHash("sha256").update(content).digest("hex");
const getLastUpload = () => [...simulator.cloudApps.portal.discovery.uploads.values()].at(-1);
const listPuts = () => simulator.listRequests({ route: "discovery-log.put" });
const addAnswer = (route: string, body: unknown): void =>
  void simulator.faults.add({
    kind: "answer",
    route,
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

describe("a log", () => {
  test("uploads a log of at most 64 MB in one request without a token and completes the upload", async () => {
    const content = createContent(20_000);
    const sent: number[] = [];
    await createDiscoveryResource(client).upload(
      createLog(content, { isSnapshot: true }),
      (bytes) => sent.push(bytes),
    );
    expect(getLastUpload()).toMatchObject({
      filename: "proxy of today.log",
      source: "GENERIC_W3C",
      content: { bytes: 20_000, sha256: hashContent(content), blocks: 1 },
      stream: "Headquarters",
      isSnapshot: true,
    });
    expect(listPuts().map(({ authorization }) => authorization)).toEqual(["none"]);
    expect(sent).toEqual([20_000]);
  });

  test("uploads a log above 64 MB in ordered blocks and reports progress", async () => {
    const content = createContent(singlePutBytes + 1_000);
    const sent: number[] = [];
    await createDiscoveryResource(client).upload(createLog(content), (bytes) => sent.push(bytes));
    expect(getLastUpload()).toMatchObject({
      content: { bytes: content.length, sha256: hashContent(content), blocks: 5 },
      isSnapshot: false,
    });
    expect(listPuts()).toHaveLength(6);
    expect(sent).toEqual(
      [1, 2, 3, 4].map((count) => count * 16 * 2 ** 20).concat([content.length, content.length]),
    );
  });

  test("repeats the whole request after one failure of the storage", async () => {
    simulator.faults.add({ kind: "failed", status: 503, route: "discovery-log.put" });
    const content = createContent(300);
    await createDiscoveryResource(client).upload(createLog(content));
    expect(listPuts().map(({ status }) => status)).toEqual([503, 201]);
    expect(getLastUpload()?.content?.sha256).toBe(hashContent(content));
  });

  test.each([
    ["for good", 403, "rejected", 1],
    ["for now, thrice", 503, "unavailable", 3],
  ])(
    "refused %s is not reported done, and its address stays secret",
    async (_, status, code, times) => {
      simulator.faults.add({
        kind: "answer",
        route: "discovery-log.put",
        status,
        body: "",
        count: times,
      });
      const failure = await createDiscoveryResource(client)
        .upload(createLog(createContent(300)))
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ code });
      expect((failure as Error).message).not.toContain(getLastUpload()?.signature);
      expect(listPuts()).toHaveLength(times);
      expect(simulator.listRequests({ route: "discovery.done_upload" })).toEqual([]);
    },
  );

  test.each([
    "http://127.0.0.1/latest/meta-data",
    "http://x.blob.core.windows.net/c/b",
    "https://x.blob.core.windows.net.evil.example/c/b",
    "https://evil.example/x.blob.core.windows.net",
    "https://x.blob.core.windows.net:8443/c/b",
    "https://user@10.0.0.1/b",
  ])("sends no log to %s", async (url) => {
    simulator.faults.add({
      kind: "answer",
      route: "discovery.upload_url",
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ url, provider: "azure" }),
    });
    const puts: string[] = [];
    const resource = createDiscoveryResource(client, async (address) => void puts.push(address));
    await expect(resource.upload(createLog(createContent(1)))).rejects.toMatchObject({
      code: "unexpectedResponse",
    });
    expect(puts).toEqual([]);
  });

  test("refuses a log above 5 GB before the first request", async () => {
    const log = createLog(createContent(1), { bytes: maxLogBytes + 1 });
    await expect(createDiscoveryResource(client).upload(log)).rejects.toThrow(RangeError);
    expect(simulator.listRequests()).toEqual([]);
  });

  test.each([[{}], [{ url: "nowhere", provider: "azure" }], [7]])(
    "is not sent to the address %j",
    async (body) => {
      addAnswer("discovery.upload_url", body);
      await expect(
        createDiscoveryResource(client).upload(createLog(createContent(1))),
      ).rejects.toMatchObject({
        code: "unexpectedResponse",
      });
      expect(listPuts()).toEqual([]);
    },
  );

  test("reports that the service rejects an unknown appliance", async () => {
    const log = createLog(createContent(1), { source: "ABACUS" });
    await expect(createDiscoveryResource(client).upload(log)).rejects.toMatchObject({
      code: "rejected",
    });
  });
});

describe("streams", () => {
  test("returns a list of streams, whether the service returns a list or one stream", async () => {
    const streams = simulator.cloudApps.portal.discovery.streams;
    expect(await createDiscoveryResource(client).listStreams()).toMatchObject(
      streams.map(({ _id }) => ({ _id })),
    );
    const removed = streams.splice(1);
    expect(await createDiscoveryResource(client).listStreams()).toMatchObject([
      { _id: streams[0]?._id },
    ]);
    streams.push(...removed);
  });

  test("reports a response without streams as unexpected", async () => {
    addAnswer("discovery.streams", 7);
    await expect(createDiscoveryResource(client).listStreams()).rejects.toMatchObject({
      code: "unexpectedResponse",
    });
  });

  test("returns the discovered apps by category", async () => {
    const streamId = simulator.cloudApps.portal.discovery.streams[0]?._id ?? "";
    expect(
      await createDiscoveryResource(client).listCategories(streamId, { timeFrame: 30 }),
    ).toContainEqual({
      id: "SAASDB_CATEGORY_WEBMAIL",
      total: 9,
    });
    expect(simulator.listRequests().at(-1)?.body).toEqual({ streamId, timeFrame: 30 });
    await expect(createDiscoveryResource(client).listCategories("nobody")).rejects.toMatchObject({
      code: "notFound",
    });
  });

  test("reports categories of another shape as unexpected", async () => {
    addAnswer("discovery.categories", { data: [] });
    await expect(createDiscoveryResource(client).listCategories("a")).rejects.toMatchObject({
      code: "unexpectedResponse",
    });
  });
});

describe("a block script", () => {
  test.each(Object.keys(blockScriptFormats) as BlockScriptFormat[])(
    "for %s is the service's text",
    async (format) => {
      const script = await createDiscoveryResource(client).getBlockScript(format);
      expect(script).toContain("files.example");
      expect(script.endsWith("\n")).toBe(true);
    },
  );

  test("reports a block script that is not text as unexpected", async () => {
    addAnswer("discovery_block_scripts.script", { script: "x" });
    await expect(createDiscoveryResource(client).getBlockScript("zscaler")).rejects.toMatchObject({
      code: "unexpectedResponse",
    });
  });
});
