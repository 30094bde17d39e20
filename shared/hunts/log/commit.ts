/** The one place where an export becomes visible. */
import { formatInstant, type Span } from "../../runtime/time.ts";
import type { ExportMetadata, ExportRecord, HuntContext } from "../ports.ts";
import { nextPath, type LogEnd } from "./log-end.ts";
import { computeSchemaHash } from "./metadata.ts";
import { createStaging, type StagedExport } from "./staging.ts";

/** `lost`: another attempt's export is there. Continue from it; an export is never overwritten. */
export type CommitResult =
  | { readonly kind: "committed"; readonly record: ExportRecord }
  | { readonly kind: "lost" };

/** The content of a record apart from its rows. */
interface RecordContent {
  readonly span: Span;
  /** @default "yes" */
  readonly complete?: ExportMetadata["complete"];
  readonly next?: string;
}

/** Commits an attempt as the log's next record. */
export async function commitExport(
  { deps, hunt }: HuntContext,
  logEnd: LogEnd,
  staged: StagedExport,
  { span, complete = "yes", next }: RecordContent,
): Promise<CommitResult> {
  const metadata: ExportMetadata = {
    seq: logEnd.seq,
    from: formatInstant(span.from),
    to: formatInstant(span.to),
    rows: staged.rows,
    rawbytes: staged.rawbytes,
    substituted: staged.substituted,
    sha256: staged.sha256,
    schemahash: computeSchemaHash(staged.columns),
    queryhash: logEnd.queryHash,
    mode: hunt.mode,
    attempt: staged.attempt,
    prev: logEnd.prev,
    complete,
    ...(next === undefined ? {} : { next }),
  };
  const path = nextPath(logEnd);
  const outcome = await staged.commit(metadata);
  if (outcome.kind === "lost") return outcome;
  const { seq, rows, rawbytes: bytes, mode, from, to } = metadata;
  const window = `${from}/${to}`;
  deps.logEvent("hunt.committed", { hunt: hunt.name, window, seq, rows, bytes, mode, blob: path });
  return { kind: "committed", record: { path, metadata, etag: outcome.etag } };
}

/** Commits a record without rows: a gap, or the closing record of a version. */
export async function commitMarker(
  context: HuntContext,
  logEnd: LogEnd,
  content: RecordContent & { readonly complete: "gap" | "closed" },
): Promise<CommitResult> {
  const { deps, hunt } = context;
  const staged = await createStaging(deps, hunt, {
    path: nextPath(logEnd),
    format: logEnd.format,
  }).finish();
  return commitExport(context, logEnd, staged, content);
}
