/** Commits the late rows of one window as the next late export. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { formatInstant, type Span } from "../../runtime/time.ts";
import { commitExport } from "../log/commit.ts";
import { followRecords } from "../log/follow-log.ts";
import { advanceLogEnd, nextPath, type LogEnd } from "../log/log-end.ts";
import { maxIdentities } from "../log/row-identity.ts";
import { createStaging, type StagedExport } from "../log/staging.ts";
import type { ExportRecord } from "../ports.ts";
import type { RunStop } from "../query/hunt-querier.ts";
import type { GrownWindow } from "./grown-windows.ts";
import { NewRowsFilter, type AnswerSchemas } from "./new-rows-filter.ts";
import { readWindowAgain } from "./read-window-again.ts";
import type { RunContext } from "./run-context.ts";
import { isOfWindow } from "./watched-windows.ts";

/**
 * Late rows exist but cannot be distinguished from exported ones; the log continues without them.
 */
export interface UnclearRows {
  readonly kind: "unclear";
  readonly reason: string;
  readonly span: Span;
}

type LateExportResult =
  | {
      readonly kind: "done";
      readonly logEnd: LogEnd;
      readonly records: readonly ExportRecord[];
    }
  | RunStop
  | UnclearRows;

/**
 * How often a window is read in smaller parts, or again because another instance committed first.
 */
const maxAttempts = 6;

/** Reads a grown window and commits the rows that the log does not have. */
export async function exportLateRows(
  run: RunContext,
  start: LogEnd,
  grown: GrownWindow,
): Promise<LateExportResult> {
  const { window, span } = grown.watchedWindow;
  const late = [...grown.watchedWindow.late];
  const records: ExportRecord[] = [];
  const schemas: AnswerSchemas = new Map();
  let logEnd = start;
  let splitLevel = 0;
  let seenColumns: readonly HuntColumn[] = [];
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const target = { window, span, late, count: grown.count, schemas, seenColumns };
    const newRows = await stageNewRows(run, logEnd, target, splitLevel);
    if (newRows.kind === "again" || newRows.kind === "smaller") {
      if (newRows.kind === "smaller") splitLevel += 1;
      else ({ seenColumns } = newRows);
      continue;
    }
    if (newRows.kind !== "staged") return newRows;
    if (newRows.staged.rows === 0) {
      await newRows.staged.abandon();
      return { kind: "done", logEnd, records };
    }
    const outcome = await commitExport(run, logEnd, newRows.staged, { span });
    if (outcome.kind === "committed") {
      logLateRows(run, grown, outcome.record);
      records.push(outcome.record);
      return { kind: "done", logEnd: advanceLateLogEnd(logEnd, outcome.record), records };
    }
    const followed = await followRecords(run.deps.exports, logEnd, advanceLateLogEnd);
    records.push(...followed.records);
    late.push(...followed.records.filter((record) => isOfWindow(record, window)));
    logEnd = followed.logEnd;
  }
  return { kind: "unclear", reason: "The late rows could not be read completely.", span };
}

/** Late exports have no place in time: the path depends on the number alone. */
const advanceLateLogEnd = (logEnd: LogEnd, record: ExportRecord): LogEnd => ({
  ...advanceLogEnd(logEnd, record),
  from: logEnd.from,
});

function logLateRows(
  { deps, hunt }: RunContext,
  { watchedWindow: { window, span }, count }: GrownWindow,
  { metadata: { seq, rows } }: ExportRecord,
): void {
  deps.logEvent("hunt.late", {
    hunt: hunt.name,
    window: `${formatInstant(span.from)}/${formatInstant(span.to)}`,
    seq,
    rows,
    exported: window.metadata.rows,
    counted: count,
  });
}

/** A grown window, and what the log has of it. */
interface LateReadTarget {
  readonly window: ExportRecord;
  readonly span: Span;
  readonly late: readonly ExportRecord[];
  readonly count: number;
  /** Grows with every new schema of the service's answers. */
  readonly schemas: AnswerSchemas;
  /** Columns that the rows had in earlier attempts. */
  readonly seenColumns: readonly HuntColumn[];
}

type NewRowsResult =
  | { readonly kind: "staged"; readonly staged: StagedExport }
  | { readonly kind: "smaller" }
  | { readonly kind: "again"; readonly seenColumns: readonly HuntColumn[] }
  | RunStop
  | UnclearRows;

/** Reads a window again and stages the rows that the log does not have. */
async function stageNewRows(
  run: RunContext,
  logEnd: LogEnd,
  target: LateReadTarget,
  splitLevel: number,
): Promise<NewRowsResult> {
  const { span, count } = target;
  if (count > maxIdentities)
    return {
      kind: "unclear",
      reason: `One window has ${count} rows; at most ${maxIdentities} can be compared.`,
      span,
    };
  const logged = { records: [target.window, ...target.late], format: logEnd.format };
  const loggedCount = logged.records.reduce((sum, { metadata }) => sum + metadata.rows, 0);
  const staging = createStaging(run.deps, run.hunt, {
    path: nextPath(logEnd),
    format: logEnd.format,
    knownColumns: target.seenColumns,
  });
  const filter = new NewRowsFilter(run, logged, target.schemas, staging.sink);
  let isStaged = false;
  try {
    const outcome = await readWindowAgain(run, { span, count, splitLevel }, filter.sink);
    if (outcome.kind === "unusable") return { kind: "unclear", reason: outcome.reason, span };
    if (outcome.kind !== "read") return outcome;
    if (filter.mustReadAgain || staging.mustReadAgain())
      return { kind: "again", seenColumns: staging.seenColumns() };
    if (filter.matchCount * 2 < loggedCount)
      return {
        kind: "unclear",
        reason: "Most rows of a window differ from those that were exported.",
        span,
      };
    isStaged = true;
    return { kind: "staged", staged: await staging.finish() };
  } finally {
    if (!isStaged) await staging.abandon();
  }
}
