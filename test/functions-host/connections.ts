/**
 * Storage connections by name, as the platform resolves them from the app settings. The SDKs are
 * loaded when a connection is opened: a host without timers and queues starts in a fraction of the
 * time.
 */
import type { BlobServiceClient } from "@azure/storage-blob";
import type { QueueServiceClient } from "@azure/storage-queue";
import type { TokenCredential } from "@azure/identity";
import type { Env } from "./substitute-settings.ts";

/** Where a connection leads: a connection string, or service addresses with an identity. */
export type Connection =
  | { readonly kind: "string"; readonly text: string }
  | {
      readonly kind: "identity";
      readonly queueUri: string | undefined;
      readonly blobUri: string | undefined;
      readonly isManaged: boolean;
      readonly clientId: string | undefined;
    };

const defaultName = "AzureWebJobsStorage";

/**
 * Looks up connection `name` (default `AzureWebJobsStorage`): the setting itself or with
 * `AzureWebJobs` before it is a connection string; else the settings with the suffixes
 * `__accountName`, `__queueServiceUri` and `__blobServiceUri`, with an identity.
 *
 * @throws Error naming the settings that were looked for
 */
export function resolveConnection(name: string | undefined, env: Env): Connection {
  const requestedName = name === undefined || name === "" ? defaultName : name;
  const names = [`AzureWebJobs${requestedName}`, requestedName];
  const value = names.map((candidate) => env[candidate]).find((entry) => entry !== undefined);
  const readPart = (suffix: string): string | undefined =>
    names
      .map((candidate) => env[`${candidate}__${suffix}`])
      .find((entry) => entry !== undefined && entry !== "");
  if (value !== undefined && value !== "") return { kind: "string", text: value };
  const account = readPart("accountName");
  const queueUri =
    account === undefined
      ? readPart("queueServiceUri")
      : `https://${account}.queue.core.windows.net`;
  const blobUri =
    account === undefined ? readPart("blobServiceUri") : `https://${account}.blob.core.windows.net`;
  if (queueUri === undefined && blobUri === undefined) throw createMissingError(requestedName);
  if (value === "")
    throw new Error(
      `connection ${requestedName}: the setting ${requestedName} is empty beside its __ settings; omit it`,
    );
  const isManaged = readPart("credential")?.toLowerCase().startsWith("managedidentity") ?? false;
  return { kind: "identity", queueUri, blobUri, isManaged, clientId: readPart("clientId") };
}

const createMissingError = (name: string): Error =>
  new Error(
    `connection ${name}: none of the settings ${name}, AzureWebJobs${name}, ${name}__accountName, ` +
      `${name}__queueServiceUri, ${name}__blobServiceUri is set`,
  );

/** @throws Error when the connection names no queue service */
export async function createQueueService(connection: Connection): Promise<QueueServiceClient> {
  const { QueueServiceClient } = await import("@azure/storage-queue");
  if (connection.kind === "string") return QueueServiceClient.fromConnectionString(connection.text);
  if (connection.queueUri === undefined) throw new Error("the connection has no __queueServiceUri");
  return new QueueServiceClient(connection.queueUri, await createCredential(connection));
}

/** @throws Error when the connection names no blob service */
export async function createBlobService(connection: Connection): Promise<BlobServiceClient> {
  const { BlobServiceClient } = await import("@azure/storage-blob");
  if (connection.kind === "string") return BlobServiceClient.fromConnectionString(connection.text);
  if (connection.blobUri === undefined) throw new Error("the connection has no __blobServiceUri");
  return new BlobServiceClient(connection.blobUri, await createCredential(connection));
}

async function createCredential(options: {
  isManaged: boolean;
  clientId: string | undefined;
}): Promise<TokenCredential> {
  const identity = await import("@azure/identity");
  if (!options.isManaged) return new identity.DefaultAzureCredential();
  return options.clientId === undefined
    ? new identity.ManagedIdentityCredential()
    : new identity.ManagedIdentityCredential({ clientId: options.clientId });
}
