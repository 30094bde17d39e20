/** Deletes what is stored of a tenant, or counts it. A run that was interrupted is repeated. */
import { mapInParallel } from "../../runtime/concurrency.ts";
import { formatCount, formatTable, type Output } from "../output.ts";

/** The blobs of the data storage, by container. */
export interface TenantBlobs {
  /** Returns the paths of the folders directly under a prefix, each with a slash at its end. */
  readonly listFolders: (container: string, prefix: string) => Promise<readonly string[]>;
  readonly list: (
    container: string,
    prefix: string,
  ) => AsyncIterable<{ readonly name: string; readonly bytes: number }>;
  /** @throws UpstreamError */
  readonly remove: (container: string, name: string) => Promise<void>;
}

/** Where one kind of data is stored. */
interface Place {
  readonly container: string;
  readonly prefix: string;
}

const maxParallel = 16;

/** Returns the exit code. */
export async function forgetTenant(
  tenant: string,
  isDryRun: boolean,
  blobs: TenantBlobs,
  output: Output,
): Promise<number> {
  const kinds = await blobs.listFolders("state", "");
  const deleted: readonly Place[] = [
    { container: "exports", prefix: `hl_tenant=${tenant}/` },
    { container: "dead-letters", prefix: `${tenant}/` },
    ...kinds.map((kind) => ({ container: "state", prefix: `${kind}${tenant}/` })),
  ];
  const kept: Place = { container: "audit", prefix: `${tenant}/` };
  const rows: string[][] = [];
  for (const [index, place] of [...deleted, kept].entries()) {
    const isKept = place === kept;
    output.progress(index, deleted.length + 1, `${place.container}/${place.prefix}`);
    const { bytes, names } = await listPlace(blobs, place);
    if (!isKept && !isDryRun)
      await mapInParallel(names, maxParallel, (name) => blobs.remove(place.container, name));
    const action = isKept ? "kept" : isDryRun ? "to delete" : "deleted";
    if (names.length > 0)
      rows.push([
        `${place.container}/${place.prefix}`,
        String(names.length),
        String(bytes),
        action,
      ]);
  }
  output.progress(deleted.length + 1, deleted.length + 1, "");
  printRows(tenant, rows, output);
  return 0;
}

function printRows(tenant: string, rows: readonly string[][], output: Output): void {
  if (rows.length === 0) {
    output.line(`Nothing is stored of ${tenant}.`);
    return;
  }
  for (const text of formatTable(["path", "blobs", "bytes", "action"], rows)) output.line(text);
  const keptCount = rows.filter(([, , , action]) => action === "kept").length;
  if (keptCount > 0)
    output.line(
      `The ${formatCount(keptCount, "kept path")} is immutable: auditImmutableDays of the deployment ` +
        "says for how long. Azure deletes former versions of the other blobs within 30 days.",
    );
}

async function listPlace(
  blobs: TenantBlobs,
  { container, prefix }: Place,
): Promise<{ readonly names: readonly string[]; readonly bytes: number }> {
  const names: string[] = [];
  let total = 0;
  for await (const { bytes, name } of blobs.list(container, prefix)) {
    names.push(name);
    total += bytes;
  }
  return { names, bytes: total };
}
