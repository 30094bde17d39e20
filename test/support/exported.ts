/** What lies in the container `exports`, read as anybody would: by listing blobs and unpacking them. */
import { gunzipSync } from "node:zlib";
import { BlobServiceClient } from "@azure/storage-blob";

export interface Exported {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The rows as text, one JSON object each. */
  readonly lines: readonly string[];
}

/** Every export of a hunt, by path. */
export async function exportsOf(connection: string, hunt: string): Promise<Exported[]> {
  const container =
    BlobServiceClient.fromConnectionString(connection).getContainerClient("exports");
  const found: Exported[] = [];
  if (!(await container.exists())) return found;
  for await (const { name } of container.listBlobsFlat({ prefix: `${hunt}/` })) {
    const blob = container.getBlobClient(name);
    const [{ metadata = {} }, packed] = [await blob.getProperties(), await blob.downloadToBuffer()];
    found.push({
      path: name,
      metadata,
      lines: gunzipSync(packed).toString("utf8").split("\n").slice(0, -1),
    });
  }
  return found;
}
