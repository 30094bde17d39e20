/**
 * The storage account behind records, exports and queues: SDK clients with deadlines, and their
 * failures as UpstreamError.
 */
import type { BlobServiceClient, RequestPolicyFactory } from "@azure/storage-blob";
import type { QueueServiceClient } from "@azure/storage-queue";
import { secondMs } from "../runtime/time.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";

/** Address and credential of an account; `readStorageConnection` reads one from the settings. */
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

/** How long an operation of storage may take. */
export interface StorageTimeouts {
  /** One try, until its headers arrive. */
  readonly tryMs: number;
  /** One operation with all its tries, body included. A caller's own abort signal replaces it. */
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
 * Creates the clients of one account's blobs and queues, by connection string or managed identity.
 * Sends nothing yet.
 *
 * The SDK's `tryTimeoutInMs` only sets the service's timeout; a silent socket would wait for ever.
 * So each try also has a deadline here, and a try that hung is repeated once, which is safe because
 * every write has an attempt id.
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

/**
 * Returns addresses and credential. The SDK parses a connection string; its own pipeline could not
 * be changed later.
 */
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

/**
 * Creates a policy before the SDK's retries: a deadline for each try and for the whole operation.
 */
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

/** The details of an SDK error; each may be missing. */
export interface StorageFailure {
  readonly status: number | undefined;
  /** The service's code or the connection's, such as ECONNRESET. */
  readonly code: string | undefined;
  /** The service's clock in whole seconds, when it responded. */
  readonly serverNowMs: number | undefined;
}

/** Reads a failure of the storage SDK without its classes, which are loaded at first use. */
export function readStorageFailure(error: unknown): StorageFailure {
  // A RestError of the SDK has these members; any other error has none of them.
  const { code, response, statusCode } = error as {
    statusCode?: number;
    code?: string;
    response?: { headers?: { get: (name: string) => string | undefined } };
  };
  const date = Date.parse(response?.headers?.get("date") ?? "");
  return { status: statusCode, code, serverNowMs: Number.isNaN(date) ? undefined : date };
}

/**
 * Returns a storage failure as UpstreamError: operation, status and code, without body, key or
 * signed address.
 */
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
