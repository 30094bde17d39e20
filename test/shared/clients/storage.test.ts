import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMessageQueues } from "../../../shared/clients/queues.ts";
import { createRecordStore } from "../../../shared/clients/records.ts";
import { createStorageClients, toStorageError } from "../../../shared/clients/storage.ts";

describe("createStorageClients towards a socket that never answers", () => {
  let server: Server;
  let connections = 0;
  beforeAll(async () => {
    server = createServer((socket) => {
      connections += 1;
      // Read, or the closing of the other side would go unseen.
      socket.resume();
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => new Promise((resolve) => void server.close(resolve)));

  const createClients = () => {
    const { port } = server.address() as AddressInfo;
    const at = `http://127.0.0.1:${port}/a`;
    const value = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=aaaa;BlobEndpoint=${at};QueueEndpoint=${at}`;
    return createStorageClients(
      { kind: "connection-string", value },
      { tryMs: 60, operationMs: 5_000, tries: 2, firstDelayMs: 1 },
    );
  };

  test("fails after its tries and names the operation", async () => {
    const { blobs, queues } = await createClients();
    await expect(createRecordStore(blobs).read("state/a.json")).rejects.toMatchObject({
      name: "UpstreamError",
      api: "storage",
      code: "unavailable",
      message: "storage: read state/a.json failed (AbortError)",
    });
    await expect(createMessageQueues(queues).send("hunt-runs", {})).rejects.toMatchObject({
      api: "storage",
      code: "unavailable",
    });
    expect(connections).toBe(4);
  });
});

test("creates clients by identity without a request", async () => {
  const { blobs, queues } = await createStorageClients({
    kind: "identity",
    blobUrl: "https://example.blob.core.windows.net",
    queueUrl: "https://example.queue.core.windows.net",
    clientId: "11111111-1111-4111-8111-111111111111",
  });
  expect([blobs.url, queues.url]).toEqual([
    "https://example.blob.core.windows.net/",
    "https://example.queue.core.windows.net",
  ]);
});

test.each([
  [
    { statusCode: 403, code: "AuthorizationFailure" },
    "forbidden",
    "storage: read x: this app lacks the right (403 AuthorizationFailure)",
  ],
  [
    { statusCode: 401, code: "NoAuthenticationInformation" },
    "unauthorized",
    "storage: read x: not authenticated (401 NoAuthenticationInformation)",
  ],
  [{ statusCode: 400, code: "InvalidUri" }, "rejected", "storage: read x failed (400 InvalidUri)"],
  [
    { statusCode: 503, code: "ServerBusy" },
    "unavailable",
    "storage: read x failed (503 ServerBusy)",
  ],
  [{ code: "ECONNREFUSED" }, "unavailable", "storage: read x failed (ECONNREFUSED)"],
] as const)("tells %j in our words", (fields, code, message) => {
  const error = Object.assign(new Error("https://a/?sig=secret AccountKey=secret"), fields);
  expect(toStorageError(error, "read x")).toMatchObject({ code, message });
  expect(JSON.stringify(toStorageError(error, "read x"))).not.toContain("secret");
});
