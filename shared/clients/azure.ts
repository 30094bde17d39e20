/**
 * The exports of the Azure SDKs that Huntline uses. The build makes this file a bundle of its own,
 * and other files load it by `await import("./azure.ts")`, so that the app starts without the SDKs.
 */
export {
  ClientAssertionCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
} from "@azure/identity";
export { SecretClient } from "@azure/keyvault-secrets";
export { BlobServiceClient, newPipeline as newBlobPipeline } from "@azure/storage-blob";
export { newPipeline as newQueuePipeline, QueueServiceClient } from "@azure/storage-queue";
