/** The one place where an export becomes visible. */
import { formatInstant, type Span } from "../../runtime/time.ts";
import { computeSchemaHash } from "./metadata.ts";
import type { ExportMetadata, ExportRecord, HuntDeps } from "../ports.ts";
import { createStaging, type StagedExport } from "./staging.ts";
import { nextPath, type LogEnd } from "./log-end.ts";
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";

/** `lost`: another attempt's export is there. Whoever loses goes on from what is there; nothing is ever overwritten. */
export type CommitResult =
  | { readonly kind: "committed"; readonly record: ExportRecord }
  | { readonly kind: "lost" };

/** What makes a record other than a plain window. */
interface RecordMarker {
  readonly complete: "gap" | "closed";
  readonly next?: string;
}

/** Commits an attempt as the tip's next record. */
export async function commit(
  deps: HuntDeps,
  hunt: CompiledHunt,
  logEnd: LogEnd,
  span: Span,
  staged: StagedExport,
  marker?: RecordMarker,
): Promise<CommitResult> {
  const metadata: ExportMetadata = {
    seq: logEnd.seq,
    from: formatInstant(span.from),
    to: formatInstant(span.to),
    rows: staged.rows,
    rawbytes: staged.rawbytes,
    sha256: staged.sha256,
    schemahash: computeSchemaHash(staged.columns),
    queryhash: logEnd.queryHash,
    mode: hunt.mode,
    attempt: staged.attempt,
    prev: logEnd.prev,
    complete: marker?.complete ?? "yes",
    ...(marker?.next === undefined ? {} : { next: marker.next }),
  };
  const path = nextPath(logEnd);
  const outcome = await staged.commit(metadata);
  if (outcome.kind === "lost") return outcome;
  const { seq, rows, rawbytes: bytes, mode, from, to } = metadata;
  deps.logEvent("hunt.committed", {
    hunt: hunt.name,
    window: `${from}/${to}`,
    seq,
    rows,
    bytes,
    mode,
    blob: path,
  });
  return { kind: "committed", record: { path, metadata, etag: outcome.etag } };
}

/** Commits a record without rows: a gap, or the closing record of a version. */
export async function commitMarker(
  deps: HuntDeps,
  hunt: CompiledHunt,
  logEnd: LogEnd,
  span: Span,
  marker: RecordMarker,
): Promise<CommitResult> {
  const staged = await createStaging(deps, hunt, nextPath(logEnd), logEnd.format).finish();
  return commit(deps, hunt, logEnd, span, staged, marker);
}
