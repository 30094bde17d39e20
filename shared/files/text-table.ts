/**
 * Reads tables in text: CSV, TSV and their relatives with a header line, and W3C logs with a
 * `#Fields:` line.
 */
import { readName } from "./hash-names.ts";
import { canHoldHash, minDigits } from "./hash-runs.ts";

/** One cell that may hold a hash, with the header of its column and the number of its line from 0. */
export interface TableCell {
  readonly text: string;
  readonly column: string;
  readonly line: number;
}

const delimiters = [",", "\t", ";", "|"] as const;
const maxHeaderLength = 16_384;
const maxNameLength = 64;

/**
 * Returns the cells under the header; `undefined` when the text is not a table whose header names
 * something.
 */
export function readTextTable(text: string): readonly TableCell[] | undefined {
  if (!text.includes("\n")) return undefined;
  return readW3cLog(text) ?? readDelimitedText(text);
}

function readDelimitedText(text: string): readonly TableCell[] | undefined {
  const start = text.charCodeAt(0) === 0xfe_ff ? 1 : 0;
  const header = text.slice(start, text.indexOf("\n", start)).trimEnd();
  if (header.length > maxHeaderLength || canHoldHash(header)) return undefined;
  for (const delimiter of delimiters) {
    const columns = header.includes(delimiter) ? readHeader(header, delimiter) : undefined;
    const cells = columns && readCells(text.slice(start), delimiter, columns);
    if (cells) return cells;
  }
  return undefined;
}

/** The names of the columns when each is a name and at least one says what its values are. */
function readHeader(header: string, delimiter: string): readonly string[] | undefined {
  const columns = header.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
  const isHeader =
    columns.every((name) => name.length <= maxNameLength && /^[^={}[\]:]*$/.test(name)) &&
    columns.some((name) => readName(name).naming !== undefined);
  return isHeader ? columns : undefined;
}

/**
 * Reads the cells after the header (RFC 4180); `undefined` when quotes do not end or the next row
 * has other columns.
 */
function readCells(
  text: string,
  delimiter: string,
  columns: readonly string[],
): readonly TableCell[] | undefined {
  const cells: TableCell[] = [];
  let line = 0;
  let index = 0;
  let isFirstRow = true;
  for (let at = 0; at < text.length;) {
    const isQuoted = text.charAt(at) === '"';
    const end = isQuoted ? findQuoteEnd(text, at) : findCellEnd(text, at, delimiter);
    if (end < 0) return undefined;
    if (line > 0) addCell(cells, { text: text.slice(at, end), column: columns[index], line });
    if (isQuoted) line += countLines(text, at, end);
    const next = findCellEnd(text, end, delimiter);
    at = next + 1;
    index += 1;
    if (text.charAt(next) === delimiter) continue;
    if (isFirstRow && line > 0) {
      if (index !== columns.length) return undefined;
      isFirstRow = false;
    }
    line += 1;
    index = 0;
  }
  return cells;
}

function addCell(
  cells: TableCell[],
  { text, column = "", line }: Omit<TableCell, "column"> & { readonly column: string | undefined },
): void {
  if (text.length >= minDigits) cells.push({ text, column, line });
}

/** Returns the index of the delimiter or line end that ends a cell. */
function findCellEnd(text: string, from: number, delimiter: string): number {
  let at = from;
  while (at < text.length && text.charAt(at) !== delimiter && text.charAt(at) !== "\n") at += 1;
  return at;
}

/**
 * Returns the index after the closing quote, -1 without one; two quotes in a row are one quote of
 * the text.
 */
function findQuoteEnd(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  while (at >= 0 && text.charAt(at + 1) === '"') at = text.indexOf('"', at + 2);
  return at < 0 ? -1 : at + 1;
}

function countLines(text: string, from: number, to: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1))
    lines += 1;
  return lines;
}

const fieldsPattern = /^#Fields:(.*)$/m;

/** Columns of a W3C log are separated by spaces; a later `#Fields:` line renames them. */
function readW3cLog(text: string): readonly TableCell[] | undefined {
  if (!fieldsPattern.test(text)) return undefined;
  let columns: readonly string[] = [];
  const cells: TableCell[] = [];
  for (const [line, row] of text.split("\n").entries()) {
    const fields = fieldsPattern.exec(row)?.[1];
    if (fields !== undefined) columns = fields.trim().split(/[ \t]+/);
    if (!row.startsWith("#")) addWords(cells, row.trim(), columns, line);
  }
  return cells;
}

/** Adds the words of a row that may hold a hash; a row of many short words costs no objects. */
function addWords(cells: TableCell[], row: string, columns: readonly string[], line: number): void {
  for (let at = 0, index = 0; at < row.length; index += 1) {
    let end = at;
    while (end < row.length && !isBlank(row.charCodeAt(end))) end += 1;
    addCell(cells, { text: row.slice(at, end), column: columns[index], line });
    at = end;
    while (at < row.length && isBlank(row.charCodeAt(at))) at += 1;
  }
}

const [tab, space] = [0x09, 0x20];
const isBlank = (code: number): boolean => code === space || code === tab;
