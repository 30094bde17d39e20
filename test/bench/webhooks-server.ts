/**
 * Child: one side of the webhook benchmark as an HTTP server, everything of ours but the Functions
 * host, or a bare one.
 */
import { sealVerdictMessage } from "../../shared/alerts/message-seal.ts";
import { createHash, createHmac, createSecretKey, randomUUID, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BlobServiceClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { resolve } from "node:path";
import { createMessageQueues } from "../../shared/clients/queues.ts";
import { createRecordStore } from "../../shared/clients/records.ts";
import { createStorageClients } from "../../shared/clients/storage.ts";
import { compileMappings } from "../../shared/build/compile-mappings.ts";
import { toProblemReply } from "../../shared/app/invocation-hook.ts";
import { withInvocation } from "../../shared/runtime/log.ts";
import { Problem } from "../../shared/contracts/problem.ts";
import { receiptLocation } from "../../shared/contracts/webhook.ts";
import { signJobKey } from "../../shared/storage/jobs.ts";
import { systemClock } from "../../shared/runtime/time.ts";
import { receiveDelivery } from "../../shared/webhooks/receive.ts";
import { createWebhookDeps } from "../../shared/app/webhooks.ts";

type AnswerRequest = (
  request: IncomingMessage,
  body: Buffer,
) => Promise<{ status: number; headers?: object; body: string }>;

const serverKinds: Readonly<
  Record<string, (connection: string, key: string) => Promise<AnswerRequest>>
> = {
  ours: createOurs,
  bare: createBare,
  unauthorized: async () => async () => ({ status: 401, body: '{"status":401}' }),
};

/** Serves until it is killed; tells its port to the parent. */
export async function serveWebhooks(kind: string, connection: string, key: string): Promise<void> {
  const answer = await serverKinds[kind]?.(connection, key);
  if (!answer) throw new Error(`no server of kind ${kind}`);
  const sendReply = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { body, headers, status } = await answer(request, Buffer.concat(chunks));
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body);
  };
  const server = createServer((request, response) => {
    void sendReply(request, response).catch(() => response.writeHead(500).end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.((server.address() as AddressInfo).port);
}

/**
 * What is asked of both: the HMAC of Standard Webhooks, one message, one record that must not be
 * there yet.
 */
async function createBare(connection: string, key: string): Promise<AnswerRequest> {
  const receipts = BlobServiceClient.fromConnectionString(connection).getContainerClient("state");
  const queue =
    QueueServiceClient.fromConnectionString(connection).getQueueClient("alert-verdicts");
  await Promise.all([receipts.createIfNotExists(), queue.createIfNotExists()]);
  const secret = createSecretKey(Buffer.from(key.slice("whsec_".length), "base64"));
  return async ({ headers }, body) => {
    const id = String(headers["webhook-id"]);
    const expected = createHmac("sha256", secret)
      .update(`${id}.${String(headers["webhook-timestamp"])}.`)
      .update(body)
      .digest();
    const received = Buffer.from(
      String(headers["webhook-signature"]).slice("v1,".length),
      "base64",
    );
    if (received.length !== expected.length || !timingSafeEqual(received, expected))
      return { status: 401, body: "{}" };
    await queue.sendMessage(
      JSON.stringify({ id, alerts: body.subarray(0, 800).toString("latin1") }),
      {
        messageTimeToLive: -1,
      },
    );
    const receipt = JSON.stringify({
      id,
      bodyHash: createHash("sha256").update(body).digest("hex"),
    });
    const name = `receipts/bare/${createHash("sha256").update(id).digest("hex")}.json`;
    await receipts
      .getBlockBlobClient(name)
      .upload(receipt, receipt.length, { conditions: { ifNoneMatch: "*" } });
    return { status: 202, body: '{"accepted":true}' };
  };
}

const root = resolve(import.meta.dirname, "../..");
const rejectUnused = (): Promise<never> =>
  Promise.reject(new Error("the benchmark asks for no lookups and no hunts"));

async function createOurs(connection: string, key: string): Promise<AnswerRequest> {
  const compiled = compileMappings(resolve(root, "shared/webhooks/mappings"));
  if (compiled.kind !== "mappings") throw new Error("the mappings do not compile");
  const storage = await createStorageClients({ kind: "connection-string", value: connection });
  const records = createRecordStore(storage.blobs);
  const deps = createWebhookDeps({
    clock: systemClock,
    log: () => undefined,
    failpoint: async () => undefined,
    settings: () => ({
      WEBHOOKS: { secops: { auth: "standard", mapping: "google-secops" } },
      MAX_ALERTS_PER_SOURCE_PER_DAY: 1e9,
    }),
    tenantId: () => "",
    sealMessage: async (message) => sealVerdictMessage(message, { key, tenant: "" }),
    mappings: () => compiled.mappings,
    vault: async () => ({
      getSecret: async () => key,
      reportRefused: () => undefined,
      listExpiring: () => [],
    }),
    checkToken: rejectUnused,
    records,
    queues: createMessageQueues(storage.queues),
    serverNowMs: async () => (await records.read("state/clock.json")).serverNowMs,
    fileLookupService: rejectUnused,
    findHunt: () => undefined,
    huntDeps: rejectUnused,
  });
  return async ({ headers, url }, bytes) => {
    const correlationId = randomUUID();
    const request = {
      headers: { get: (name: string) => headers[name]?.toString() ?? null },
      arrayBuffer: async () =>
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    };
    return withInvocation({ correlationId, write: () => undefined }, async () => {
      try {
        const source = url?.slice(1) ?? "";
        const received = await receiveDelivery(deps, { source, request, isKeyed: false });
        if (received.kind !== "delivery") throw new Error("expected a delivery");
        const { answer, receipt } = received;
        const signed = signJobKey(key, receipt, Date.now() + 86_400_000);
        const location = receiptLocation("http://127.0.0.1/", "secops", receipt, signed);
        return {
          status: 202,
          headers: { location, "retry-after": "10" },
          body: JSON.stringify(answer),
        };
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const reply = toProblemReply(error, correlationId);
        return {
          status: reply.status ?? 500,
          headers: reply.headers as object,
          body: reply.body as string,
        };
      }
    });
  };
}
