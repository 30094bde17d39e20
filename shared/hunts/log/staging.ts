/** Collects the rows of one export before it becomes visible. */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { addStatisticsColumn, enrichLines } from "./enrich-rows.ts";
import { emptySha256, computeSchemaHash } from "./metadata.ts";
import { statePaths } from "./paths.ts";
import { StagedColumns } from "./staged-columns.ts";
import type {
  ExportMetadata,
  ExportWriter,
  HuntDeps,
  HuntFormat,
  RowSink,
  WriterCommitResult,
} from "../ports.ts";

/** One attempt to write one export. */
export interface Staging {
  readonly sink: RowSink;
  /** Returns the number of rows received so far. */
  readonly countRows: () => number;
  /**
   * Returns true when the rows have columns that the file lacks, which CSV and Parquet would leave
   * out: read again with `seenColumns` as known columns.
   */
  readonly mustReadAgain: () => boolean;
  /** Returns every column that was named or that rows had. */
  readonly seenColumns: () => readonly HuntColumn[];
  readonly finish: () => Promise<StagedExport>;
  /** Discards everything; safe to call at any time. */
  readonly abandon: () => Promise<void>;
}

/** A finished attempt, ready to be committed. */
export interface StagedExport {
  readonly attempt: string;
  readonly columns: readonly HuntColumn[];
  readonly rows: number;
  readonly rawbytes: number;
  readonly substituted: number;
  readonly sha256: string;
  /** Stores the schema, then commits once. */
  readonly commit: (metadata: ExportMetadata) => Promise<WriterCommitResult>;
  readonly abandon: () => Promise<void>;
}

/** The export that an attempt is for. */
export interface StagingTarget {
  readonly path: string;
  readonly format: HuntFormat;
  /** Columns that rows of this span had before; the file has them too. @default none */
  readonly knownColumns?: readonly HuntColumn[];
}

export function createStaging(
  deps: HuntDeps,
  hunt: CompiledHunt,
  { path, format, knownColumns = [] }: StagingTarget,
): Staging {
  const attempt = deps.createAttemptId();
  const columns = new StagedColumns(format, hunt.columns, knownColumns);
  let writer: ExportWriter | undefined;
  let receivedRows = 0;
  /** Values that were replaced before they reached the sink. */
  let substituted = 0;

  const getWriter = (): ExportWriter => {
    writer ??= deps.exports.openWriter(
      path,
      attempt,
      format,
      addStatisticsColumn(hunt, columns.ofFile),
    );
    return writer;
  };

  const abandon = async (): Promise<void> => {
    await writer?.abandon();
    writer = undefined;
  };

  return {
    sink: {
      columns: (answerColumns) => {
        if (!writer && answerColumns.length > 0) columns.addAnswer(answerColumns);
      },
      rowColumns: (rowColumns) => columns.addRows(rowColumns),
      writeRows: async (lines, count, substitutes) => {
        receivedRows += count;
        for (const number of substitutes?.values() ?? []) substituted += number;
        await getWriter().writeRows(await enrichLines(deps, hunt, lines), count);
      },
    },
    countRows: () => receivedRows,
    mustReadAgain: () => columns.areIncomplete,
    seenColumns: () => columns.seen,
    finish: async () => {
      const totals = await getWriter().finish();
      if (totals.rows !== receivedRows)
        throw new Error(`Received ${receivedRows} rows but wrote ${totals.rows}.`);
      const exportColumns = addStatisticsColumn(hunt, columns.ofAllRows);
      return {
        attempt,
        columns: exportColumns,
        ...totals,
        substituted: totals.substituted + substituted,
        sha256: totals.rows === 0 && totals.rawbytes === 0 ? emptySha256 : totals.sha256,
        commit: async (metadata) => {
          await saveSchema(deps, hunt.name, exportColumns);
          return getWriter().commit(metadata);
        },
        abandon,
      };
    },
    abandon,
  };
}

/** Stores a schema once. Its name is its hash, so a second writer finds the same content. */
async function saveSchema(
  { records }: HuntDeps,
  hunt: string,
  columns: readonly HuntColumn[],
): Promise<void> {
  const path = statePaths.schema(hunt, computeSchemaHash(columns));
  const existing = await records.read(path);
  if (existing.kind === "absent") await records.create(path, { columns });
}
