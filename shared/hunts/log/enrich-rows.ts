/**
 * Adds file statistics to the rows of a hunt that names a column of SHA-1s. Other text stays
 * unchanged.
 */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { parseCells } from "./row-identity.ts";
import type { HuntDeps } from "../ports.ts";

/** The name of the added column. */
export const statisticsColumn = "FileStatistics";

/** Returns a result's columns with the added one. */
export const addStatisticsColumn = (
  hunt: CompiledHunt,
  columns: readonly HuntColumn[],
): readonly HuntColumn[] =>
  hunt.enrich === undefined || columns.some(({ name }) => name === statisticsColumn)
    ? columns
    : [...columns, { name: statisticsColumn, type: "dynamic" }];

const sha1Pattern = /^[0-9a-f]{40}$/;

/**
 * Adds `"FileStatistics":{…}` to each line, or `null` for an unknown file. Takes and returns whole
 * lines.
 */
export async function enrichLines(
  deps: Pick<HuntDeps, "findFileStatistics">,
  hunt: CompiledHunt,
  lines: Uint8Array,
): Promise<Uint8Array> {
  const { enrich: column } = hunt;
  if (column === undefined) return lines;
  const rows = Buffer.from(lines).toString("utf8").split("\n").slice(0, -1);
  const hashes = rows.map((row) => readHash(row, column));
  const uniqueHashes = [...new Set(hashes.filter((hash) => hash !== undefined))];
  const statisticsByHash =
    uniqueHashes.length > 0
      ? await deps.findFileStatistics(uniqueHashes)
      : new Map<string, object>();
  const enrichedRows = rows.map((row, index) =>
    appendStatistics(row, statisticsByHash.get(hashes[index] ?? "")),
  );
  return Buffer.from(`${enrichedRows.join("\n")}\n`, "utf8");
}

function readHash(row: string, column: string): string | undefined {
  const text = parseCells(row)
    .find(([name]) => name === column)?.[1]
    .slice(1, -1)
    .toLowerCase();
  return text !== undefined && sha1Pattern.test(text) ? text : undefined;
}

const appendStatistics = (row: string, statistics: object | undefined): string =>
  [
    row.slice(0, -1),
    row === "{}" ? "" : ",",
    `"${statisticsColumn}":${JSON.stringify(statistics ?? null)}}`,
  ].join("");
