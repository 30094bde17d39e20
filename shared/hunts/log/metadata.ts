/**
 * The metadata of an export, and the hashes that link exports to each other and to their schema.
 */
import { createHash } from "node:crypto";
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { parseInstant, type Span } from "../../runtime/time.ts";
import type { ExportMetadata } from "../ports.ts";

const computeSha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** SHA-256 of zero bytes: the digest of an export without rows. */
export const emptySha256 = computeSha256("");

/** Returns the `prev` of the next export: SHA-256 of this one's metadata in a fixed order. */
export const computeChainHash = (metadata: ExportMetadata): string =>
  computeSha256(
    JSON.stringify([
      metadata.seq,
      metadata.from,
      metadata.to,
      metadata.rows,
      metadata.rawbytes,
      metadata.substituted,
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

/** Returns the name of a schema: SHA-256 of its columns and types in order. */
export const computeSchemaHash = (columns: readonly HuntColumn[]): string =>
  computeSha256(JSON.stringify(columns.map(({ name, type }) => [name, type])));

/**
 * Returns the window of an export.
 *
 * @throws Error when a bound is not an instant: this app did not write such a blob
 */
export function spanOf(metadata: Pick<ExportMetadata, "from" | "to">): Span {
  const from = parseInstant(metadata.from);
  const to = parseInstant(metadata.to);
  if (from === undefined || to === undefined)
    throw new Error(
      `The bounds of an export must be instants, got ${metadata.from} and ${metadata.to}.`,
    );
  return { from, to };
}
