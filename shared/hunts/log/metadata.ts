/** What an export says of itself, and the hashes that join exports to each other and to their schema. */
import { createHash } from "node:crypto";
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { parseInstant, type Span } from "../../runtime/time.ts";
import type { ExportMetadata } from "../ports.ts";

const computeSha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** SHA-256 of no bytes: the digest of an export without rows. */
export const emptySha256 = computeSha256("");

/** The `prev` of the export that follows this one: SHA-256 of its metadata, in a fixed order. */
export const computeChainHash = (metadata: ExportMetadata): string =>
  computeSha256(
    JSON.stringify([
      metadata.seq,
      metadata.from,
      metadata.to,
      metadata.rows,
      metadata.rawbytes,
      metadata.sha256,
      metadata.schemahash,
      metadata.queryhash,
      metadata.mode,
      metadata.attempt,
      metadata.prev,
      metadata.complete,
      metadata.next ?? "",
    ]),
  );

/** Names a schema: SHA-256 of its columns and types, in order. */
export const computeSchemaHash = (columns: readonly HuntColumn[]): string =>
  computeSha256(JSON.stringify(columns.map(({ name, type }) => [name, type])));

/**
 * The window of an export.
 *
 * @throws Error when its bounds are no instants: such a blob was not written by this app
 */
export function spanOf(metadata: Pick<ExportMetadata, "from" | "to">): Span {
  const from = parseInstant(metadata.from);
  const to = parseInstant(metadata.to);
  if (from === undefined || to === undefined)
    throw new Error(`an export with bounds ${metadata.from} and ${metadata.to}, want two instants`);
  return { from, to };
}
