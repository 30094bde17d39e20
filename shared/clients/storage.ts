/** The storage account behind records, exports and queues: its SDK clients with bounded patience, and its failures in our words. */
import type { BlobServiceClient, RequestPolicyFactory } from "@azure/storage-blob";
import type { QueueServiceClient } from "@azure/storage-queue";
import { secondMs } from "../runtime/time.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";

/** Where an account is and how to get in; `readStorageConnection` of the settings gives one. */
export type StorageEndpoint =
  | { readonly kind: "connection-string"; readonly value: string }
  | {
      readonly kind: "identity";
      readonly blobUrl: string;
      readonly queueUrl: string;
      readonly clientId: string | undefined;
    };

/** The SDK clients of one storage account. */
export interface StorageClients {
  readonly blobs: BlobServiceClient;
  readonly queues: QueueServiceClient;
}

/** How long storage is waited for. */
export interface StorageTimeouts {
  /** One try, until its headers. */
  readonly tryMs: number;
  /** One operation with all its tries, body included; a caller's own abort signal takes its place. */
  readonly operationMs: number;
  /** Tries after 500, 503 or a failed connection. */
  readonly tries: number;
  readonly firstDelayMs: number;
}

const defaultTimeouts: StorageTimeouts = {
  tryMs: 20 * secondMs,
  operationMs: 120 * secondMs,
  tries: 4,
  firstDelayMs: 400,
};

/**
 * Opens blobs and queues of one account, by connection string or by managed identity. Calls nothing yet.
 *
 * The SDK's `tryTimeoutInMs` only asks the service to be quick; a silent socket would wait for ever. So each try has
 * a deadline of our own as well, and one that hung is made once more: every write carries an attempt id.
 */
export async function createStorageClients(
  endpoint: StorageEndpoint,
  options: Partial<StorageTimeouts> = {},
): Promise<StorageClients> {
  const sdk = await import("./azure.ts");
  const timeouts = { ...defaultTimeouts, ...options };
  const pipelineOptions = {
    userAgentOptions: { userAgentPrefix: "huntline" },
    retryOptions: {
      maxTries: timeouts.tries,
      tryTimeoutInMs: timeouts.tryMs,
      retryDelayInMs: timeouts.firstDelayMs,
      maxRetryDelayInMs: timeouts.tryMs,
    },
  };
  const { blobUrl, credential, queueUrl } = await resolveEndpoint(endpoint);
  const blobPipeline = sdk.newBlobPipeline(credential, pipelineOptions);
  const queuePipeline = sdk.newQueuePipeline(credential, pipelineOptions);
  blobPipeline.factories.push(createDeadlinePolicy(timeouts));
  queuePipeline.factories.push(createDeadlinePolicy(timeouts));
  return {
    blobs: new sdk.BlobServiceClient(blobUrl, blobPipeline),
    queues: new sdk.QueueServiceClient(queueUrl, queuePipeline),
  };
}

/** Addresses and credential; the SDK's own reading of a connection string, whose pipeline cannot be changed afterwards. */
async function resolveEndpoint(endpoint: StorageEndpoint) {
  const { BlobServiceClient, ManagedIdentityCredential, QueueServiceClient } =
    await import("./azure.ts");
  if (endpoint.kind === "connection-string") {
    const { credential, url } = BlobServiceClient.fromConnectionString(endpoint.value);
    return {
      credential,
      blobUrl: url,
      queueUrl: QueueServiceClient.fromConnectionString(endpoint.value).url,
    };
  }
  const { blobUrl, clientId, queueUrl } = endpoint;
  return {
    credential: new ManagedIdentityCredential(clientId === undefined ? {} : { clientId }),
    blobUrl,
    queueUrl,
  };
}

/** A policy in front of the SDK's own retries: a deadline for each try and for the whole operation. */
const createDeadlinePolicy = ({ operationMs, tryMs }: StorageTimeouts): RequestPolicyFactory => ({
  create: (next) => ({
    sendRequest: async (request) => {
      request.timeout = tryMs;
      const stop = request.abortSignal ?? AbortSignal.timeout(operationMs);
      request.abortSignal = stop;
      try {
        return await next.sendRequest(request);
      } catch (error) {
        if (stop.aborted || !isAbortError(error)) throw error;
        return next.sendRequest(request);
      }
    },
  }),
});

const isAbortError = (error: unknown): boolean =>
  error instanceof Error && error.name === "AbortError";

/** What an SDK error says of itself; every part may be missing. */
export interface StorageFailure {
  readonly status: number | undefined;
  /** `BlobNotFound`, `ConditionNotMet`, `ECONNRESET` … */
  readonly code: string | undefined;
  /** The service's clock, whole seconds, when it answered at all. */
  readonly serverNowMs: number | undefined;
}

/** Reads a failure of the storage SDK without knowing its classes, which are loaded at first use. */
export function readStorageFailure(error: unknown): StorageFailure {
  // The seam to the SDK: a RestError has these members, anything else has none of them.
  const { code, response, statusCode } = error as {
    statusCode?: number;
    code?: string;
    response?: { headers?: { get: (name: string) => string | undefined } };
  };
  const date = Date.parse(response?.headers?.get("date") ?? "");
  return { status: statusCode, code, serverNowMs: Number.isNaN(date) ? undefined : date };
}

/** A storage failure in our words: what was tried, status and code; never a body, a key or an address with a signature. */
export function toStorageError(error: unknown, operation: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const { code, status } = readStorageFailure(error);
  const reason = [status, code ?? (error instanceof Error ? error.name : undefined)]
    .filter(Boolean)
    .join(" ");
  const details = { api: "storage", status, upstreamCode: code };
  if (status === 403)
    return new UpstreamError(
      "forbidden",
      `storage: ${operation}: this app lacks the right (${reason})`,
      details,
    );
  if (status === 401)
    return new UpstreamError(
      "unauthorized",
      `storage: ${operation}: not authenticated (${reason})`,
      details,
    );
  const isRejected =
    status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
  return new UpstreamError(
    isRejected ? "rejected" : "unavailable",
    `storage: ${operation} failed (${reason})`,
    details,
  );
}
