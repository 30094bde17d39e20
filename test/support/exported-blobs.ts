/**
 * The blobs of the container `exports`, read as any reader would: by listing and unpacking them.
 */
import { gunzipSync } from "node:zlib";
import { BlobServiceClient } from "@azure/storage-blob";

export interface ExportedBlob {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The rows as text, one JSON object each. */
  readonly lines: readonly string[];
}

/** Every export of a hunt, by path. */
export async function readExports(
  connection: string,
  hunt: string,
  tenant = "default",
): Promise<ExportedBlob[]> {
  const prefix = `hl_tenant=${tenant}/hl_hunt=${hunt}/`;
  const container =
    BlobServiceClient.fromConnectionString(connection).getContainerClient("exports");
  const blobs: ExportedBlob[] = [];
  if (!(await container.exists())) return blobs;
  for await (const { name } of container.listBlobsFlat({ prefix })) {
    const blob = container.getBlobClient(name);
    const [{ metadata = {} }, compressed] = [
      await blob.getProperties(),
      await blob.downloadToBuffer(),
    ];
    blobs.push({
      path: name,
      metadata,
      lines: gunzipSync(compressed).toString("utf8").split("\n").slice(0, -1),
    });
  }
  return blobs;
}
