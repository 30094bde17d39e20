/** Rows on their way into an export that nobody can see yet. */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { addStatisticsColumn, enrichLines } from "./enrich-rows.ts";
import { emptySha256, computeSchemaHash } from "./metadata.ts";
import { statePaths } from "./paths.ts";
import type { ExportMetadata, ExportWriter, HuntFormat, HuntDeps, RowSink } from "../ports.ts";

/** One attempt at one export. */
export interface Staging {
  readonly sink: RowSink;
  /** Rows taken so far. */
  readonly countRows: () => number;
  readonly finish: () => Promise<StagedExport>;
  /** Drops everything; safe to call at any time. */
  readonly abandon: () => Promise<void>;
}

/** What an attempt holds, ready to be committed. */
export interface StagedExport {
  readonly attempt: string;
  readonly columns: readonly HuntColumn[];
  readonly rows: number;
  readonly rawbytes: number;
  readonly sha256: string;
  /** Writes the schema down, then commits once; `lost` when another attempt's export is there. */
  readonly commit: (
    metadata: ExportMetadata,
  ) => Promise<{ readonly kind: "committed"; readonly etag: string } | { readonly kind: "lost" }>;
  readonly abandon: () => Promise<void>;
}

export function createStaging(
  deps: HuntDeps,
  hunt: CompiledHunt,
  path: string,
  format: HuntFormat,
): Staging {
  const attempt = deps.createAttemptId();
  let columns = hunt.columns;
  let writer: ExportWriter | undefined;
  let receivedRows = 0;

  const getWriter = (): ExportWriter => {
    writer ??= deps.exports.openWriter(path, attempt, format, addStatisticsColumn(hunt, columns));
    return writer;
  };

  const abandon = async (): Promise<void> => {
    await writer?.abandon();
    writer = undefined;
  };

  return {
    sink: {
      columns: (answerColumns) => {
        // An answer without columns says nothing; one that comes after the first rows comes too late for a header.
        if (answerColumns.length > 0 && !writer) columns = answerColumns;
      },
      writeRows: async (lines, count) => {
        receivedRows += count;
        await getWriter().writeRows(await enrichLines(deps, hunt, lines), count);
      },
    },
    countRows: () => receivedRows,
    finish: async () => {
      const totals = await getWriter().finish();
      if (totals.rows !== receivedRows)
        throw new Error(`${receivedRows} rows came and ${totals.rows} were written`);
      const exportColumns = addStatisticsColumn(hunt, columns);
      return {
        attempt,
        columns: exportColumns,
        ...totals,
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

/** Written once per schema; a schema's name is its hash, so whoever comes second finds the same. */
async function saveSchema(
  { records }: HuntDeps,
  hunt: string,
  columns: readonly HuntColumn[],
): Promise<void> {
  const path = statePaths.schema(hunt, computeSchemaHash(columns));
  const existing = await records.read(path);
  if (existing.kind === "absent") await records.create(path, { columns });
}
