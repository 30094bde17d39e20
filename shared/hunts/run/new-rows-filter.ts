/**
 * Passes on the rows of a window that the log does not have. Rows are compared as the export stores
 * them and over the columns that all schemas share: neither the format nor a changed schema makes
 * an exported row look new.
 */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { huntSchemaRecord } from "../../contracts/hunt-state.ts";
import { readValue } from "../../storage/typed-record.ts";
import { statisticsColumn } from "../log/enrich-rows.ts";
import { computeSchemaHash } from "../log/metadata.ts";
import { statePaths } from "../log/paths.ts";
import {
  computeRowIdentity,
  createMultiset,
  parseCells,
  type Multiset,
} from "../log/row-identity.ts";
import { findSharedColumns, type NamedColumn, type SharedColumns } from "../log/shared-columns.ts";
import { splitLines, toStoredRows } from "../log/stored-rows.ts";
import type { ExportRecord, HuntFormat, RowSink } from "../ports.ts";
import type { RunContext } from "./run-context.ts";

/** The exports of one window: the window itself and its late exports. */
export interface LoggedRows {
  readonly records: readonly ExportRecord[];
  readonly format: HuntFormat;
}

/** The schemas of the answers so far, by hash; kept over repeated reads of one window. */
export type AnswerSchemas = Map<string, readonly HuntColumn[]>;

interface LoadedRows {
  readonly identities: Multiset;
  readonly shared: SharedColumns;
}

/** Rows that show the columns of an export whose schema is lost. */
const sampleRows = 100;

/** Rows read from an export at once. */
const pageRows = 20_000;

export class NewRowsFilter {
  readonly #run: RunContext;
  readonly #logged: LoggedRows;
  readonly #schemas: AnswerSchemas;
  readonly #target: RowSink;
  #loaded: Promise<LoadedRows> | undefined;
  #shared: SharedColumns | undefined;
  #matchCount = 0;
  #hasNewSchema = false;

  /** @param target - receives the new rows */
  constructor(run: RunContext, logged: LoggedRows, schemas: AnswerSchemas, target: RowSink) {
    this.#run = run;
    this.#logged = logged;
    this.#schemas = schemas;
    this.#target = target;
  }

  /** Rows that were found in the log. */
  get matchCount(): number {
    return this.#matchCount;
  }

  /**
   * True when a later part of the answer, or its rows, had other columns than those that were
   * compared: the window must be read again.
   */
  get mustReadAgain(): boolean {
    return this.#hasNewSchema;
  }

  readonly sink: RowSink = {
    columns: (columns) => {
      if (columns.length === 0) return;
      const hash = computeSchemaHash(columns);
      this.#hasNewSchema ||= this.#loaded !== undefined && !this.#schemas.has(hash);
      this.#schemas.set(hash, columns);
      this.#target.columns?.(columns);
    },
    rowColumns: (columns) => {
      const compared = this.#shared?.columns ?? [];
      const remaining = findSharedColumns(compared, [columns]).columns;
      this.#hasNewSchema ||= remaining.length < compared.length;
      this.#schemas.set(computeSchemaHash(columns), columns);
      this.#target.rowColumns?.(columns);
    },
    writeRows: async (lines, _count, substitutes) => {
      if (this.#hasNewSchema) return;
      this.#loaded ??= this.#load();
      const { identities, shared } = await this.#loaded;
      const storedRows = toStoredRows(this.#logged.format, shared.columns, lines);
      const newSubstitutes = new Map<number, number>();
      const newRows: string[] = [];
      for (const [index, line] of splitLines(lines).entries()) {
        const isKnown = identities.removeOne(
          computeRowIdentity(storedRows[index] ?? "{}", shared.find),
        );
        const substituted = substitutes?.get(index);
        if (isKnown) this.#matchCount += 1;
        else {
          if (substituted !== undefined) newSubstitutes.set(newRows.length, substituted);
          newRows.push(line);
        }
      }
      if (newRows.length > 0)
        await this.#target.writeRows(
          Buffer.from(`${newRows.join("\n")}\n`, "utf8"),
          newRows.length,
          newSubstitutes,
        );
    },
  };

  async #load(): Promise<LoadedRows> {
    const { deps } = this.#run;
    const { records, format } = this.#logged;
    const recordsWithRows = records.filter(({ metadata }) => metadata.rows > 0);
    const shared = await this.#findSharedColumns(recordsWithRows);
    this.#shared = shared;
    const identities = createMultiset(
      recordsWithRows.reduce((sum, { metadata }) => sum + metadata.rows, 0),
    );
    for (const { path, metadata } of recordsWithRows) {
      for (let skip = 0; skip < metadata.rows; skip += pageRows) {
        for (const row of await deps.exports.readRows(path, format, skip, pageRows))
          identities.add(computeRowIdentity(row, shared.find));
      }
    }
    await deps.failpoint("E9 known rows loaded");
    return { identities, shared };
  }

  async #findSharedColumns(records: readonly ExportRecord[]): Promise<SharedColumns> {
    const { hunt } = this.#run;
    const [first = hunt.columns, ...otherAnswers] = this.#schemas.values();
    const exported: (readonly NamedColumn[])[] = [];
    for (const record of records) exported.push(await this.#readSchema(record));
    const own = first.filter(({ name }) => hunt.enrich === undefined || name !== statisticsColumn);
    return findSharedColumns(own, [...otherAnswers, ...exported]);
  }

  /**
   * Reads the columns of an export. When their record is lost, those with a value in the first rows
   * are known: to compare fewer columns is safe, to compare one that the rows lack is not.
   */
  async #readSchema({ path, metadata }: ExportRecord): Promise<readonly NamedColumn[]> {
    const { deps, hunt } = this.#run;
    const schemaPath = statePaths.schema(hunt.name, metadata.schemahash);
    const stored = await readValue(deps.records, schemaPath, huntSchemaRecord);
    if (stored) return stored.columns;
    const rows = await deps.exports.readRows(path, this.#logged.format, 0, sampleRows);
    const cells = rows.flatMap((row) => parseCells(row)).filter(([, text]) => text !== "null");
    const names = new Set(cells.map(([name]) => name));
    return [...names].map((name) => ({ name, type: undefined }));
  }
}
