/** Rows on their way into an export that nobody can see yet. */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { enrichedColumns, enrichLines } from "./enrich-rows.ts";
import { emptySha256, schemaHash } from "./metadata.ts";
import { statePaths } from "./paths.ts";
import type { ExportMetadata, ExportWriter, HuntFormat, HuntPorts, RowSink } from "../ports.ts";

/** One attempt at one export. */
export interface Staging {
  readonly sink: RowSink;
  /** Rows taken so far. */
  readonly rows: () => number;
  readonly finish: () => Promise<Staged>;
  /** Drops everything; safe to call at any time. */
  readonly abandon: () => Promise<void>;
}

/** What an attempt holds, ready to be committed. */
export interface Staged {
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

export function openStaging(
  ports: HuntPorts,
  hunt: CompiledHunt,
  path: string,
  format: HuntFormat,
): Staging {
  const attempt = ports.attemptId();
  let columns = hunt.columns;
  let writer: ExportWriter | undefined;
  let taken = 0;

  const open = (): ExportWriter => {
    writer ??= ports.exports.open(path, attempt, format, enrichedColumns(hunt, columns));
    return writer;
  };

  const abandon = async (): Promise<void> => {
    await writer?.abandon();
    writer = undefined;
  };

  return {
    sink: {
      columns: (named) => {
        // An answer without columns says nothing; one that comes after the first rows comes too late for a header.
        if (named.length > 0 && !writer) columns = named;
      },
      rows: async (lines, count) => {
        taken += count;
        await open().write(await enrichLines(ports, hunt, lines), count);
      },
    },
    rows: () => taken,
    finish: async () => {
      const written = await open().finish();
      if (written.rows !== taken)
        throw new Error(`${taken} rows came and ${written.rows} were written`);
      const kept = enrichedColumns(hunt, columns);
      return {
        attempt,
        columns: kept,
        ...written,
        sha256: written.rows === 0 && written.rawbytes === 0 ? emptySha256 : written.sha256,
        commit: async (metadata) => {
          await saveSchema(ports, hunt.name, kept);
          return open().commit(metadata);
        },
        abandon,
      };
    },
    abandon,
  };
}

/** Written once per schema; a schema's name is its hash, so whoever comes second finds the same. */
async function saveSchema(
  { records }: HuntPorts,
  hunt: string,
  columns: readonly HuntColumn[],
): Promise<void> {
  const path = statePaths.schema(hunt, schemaHash(columns));
  const there = await records.read(path);
  if (there.kind === "absent") await records.create(path, { columns });
}
