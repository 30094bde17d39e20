/** The one place where an export becomes visible. */
import { formatInstant, type Span } from "../../runtime/time.ts";
import { schemaHash } from "./metadata.ts";
import type { ExportMetadata, FoundExport, HuntPorts } from "../ports.ts";
import { openStaging, type Staged } from "./staging.ts";
import { nextPath, type Tip } from "./log-end.ts";
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";

/** `lost`: another attempt's export is there. Whoever loses goes on from what is there; nothing is ever overwritten. */
export type Committed =
  | { readonly kind: "committed"; readonly found: FoundExport }
  | { readonly kind: "lost" };

/** What makes a record other than a plain window. */
interface Special {
  readonly complete: "gap" | "closed";
  readonly next?: string;
}

/** Commits an attempt as the tip's next record. */
export async function commit(
  ports: HuntPorts,
  hunt: CompiledHunt,
  tip: Tip,
  span: Span,
  staged: Staged,
  special?: Special,
): Promise<Committed> {
  const metadata: ExportMetadata = {
    seq: tip.seq,
    from: formatInstant(span.from),
    to: formatInstant(span.to),
    rows: staged.rows,
    rawbytes: staged.rawbytes,
    sha256: staged.sha256,
    schemahash: schemaHash(staged.columns),
    queryhash: tip.queryHash,
    mode: hunt.mode,
    attempt: staged.attempt,
    prev: tip.prev,
    complete: special?.complete ?? "yes",
    ...(special?.next === undefined ? {} : { next: special.next }),
  };
  const path = nextPath(tip);
  const outcome = await staged.commit(metadata);
  if (outcome.kind === "lost") return outcome;
  const { seq, rows, rawbytes: bytes, mode, from, to } = metadata;
  ports.log("hunt.committed", {
    hunt: hunt.name,
    window: `${from}/${to}`,
    seq,
    rows,
    bytes,
    mode,
    blob: path,
  });
  return { kind: "committed", found: { path, metadata, etag: outcome.etag } };
}

/** Commits a record without rows: a gap, or the closing record of a version. */
export async function commitBare(
  ports: HuntPorts,
  hunt: CompiledHunt,
  tip: Tip,
  span: Span,
  special: Special,
): Promise<Committed> {
  const staged = await openStaging(ports, hunt, nextPath(tip), tip.format).finish();
  return commit(ports, hunt, tip, span, staged, special);
}
