/** Adds file statistics to the rows of a hunt that names a column of SHA-1s. All other text stays as it came. */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { cellsOf } from "./row-identity.ts";
import type { HuntPorts } from "../ports.ts";

/** The name of the added column. */
export const statisticsColumn = "FileStatistics";

/** A result's columns with the added one. */
export const enrichedColumns = (
  hunt: CompiledHunt,
  columns: readonly HuntColumn[],
): readonly HuntColumn[] =>
  hunt.enrich === undefined || columns.some(({ name }) => name === statisticsColumn)
    ? columns
    : [...columns, { name: statisticsColumn, type: "dynamic" }];

const sha1 = /^[0-9a-f]{40}$/;

/** Whole lines in, whole lines out; each gains `"FileStatistics":{…}`, or `null` where nothing is known. */
export async function enrichLines(
  ports: Pick<HuntPorts, "enrich">,
  hunt: CompiledHunt,
  lines: Uint8Array,
): Promise<Uint8Array> {
  const { enrich: column } = hunt;
  if (column === undefined) return lines;
  const rows = Buffer.from(lines).toString("utf8").split("\n").slice(0, -1);
  const hashes = rows.map((row) => hashIn(row, column));
  const wanted = [...new Set(hashes.filter((hash) => hash !== undefined))];
  const found = wanted.length > 0 ? await ports.enrich(wanted) : new Map<string, object>();
  const text = rows.map((row, index) => withStatistics(row, found.get(hashes[index] ?? "")));
  return Buffer.from(`${text.join("\n")}\n`, "utf8");
}

function hashIn(row: string, column: string): string | undefined {
  const text = cellsOf(row)
    .find(([name]) => name === column)?.[1]
    .slice(1, -1)
    .toLowerCase();
  return text !== undefined && sha1.test(text) ? text : undefined;
}

const withStatistics = (row: string, statistics: object | undefined): string =>
  `${row.slice(0, -1)}${row === "{}" ? "" : ","}"${statisticsColumn}":${JSON.stringify(statistics ?? null)}}`;
