/** Writes a report as CSV (RFC 4180) that is safe in a spreadsheet: no cell starts a formula. */
import type { LookupOptions } from "../contracts/file-lookup.ts";
import type {
  FileInformation,
  FileReport,
  FileResult,
  FileStatistics,
} from "../contracts/file-result.ts";

type Cell = string | number | boolean | null | undefined;

const statisticsColumns = [
  "organizationPrevalence",
  "organizationFirstSeen",
  "organizationLastSeen",
  "globalPrevalence",
  "globalFirstSeen",
  "globalLastSeen",
] as const satisfies readonly (keyof FileStatistics)[];

const informationColumns = [
  "sha256",
  "size",
  "fileType",
  "isPeFile",
  "publisher",
  "productName",
  "signer",
  "issuer",
  "signerHash",
  "isValidCertificate",
  "determinationType",
  "determinationValue",
] as const satisfies readonly (keyof FileInformation)[];

type CsvColumn = readonly [name: string, cell: (result: FileResult) => Cell];

const leadingColumns: readonly CsvColumn[] = [
  ["hash", (result) => result.hash],
  ["sha1", (result) => result.sha1],
  ["status", (result) => result.status],
  ["source", (result) => result.source],
  ...statisticsColumns.map((name): CsvColumn => [name, (result) => result.statistics?.[name]]),
  ["topFileNames", (result) => result.statistics?.topFileNames.join("; ")],
];

const trailingColumns: readonly CsvColumn[] = [
  ["asOf", (result) => result.asOf],
  ["fromCache", (result) => result.fromCache],
  ["stale", (result) => result.stale],
  ["problem", (result) => result.problem],
];

/**
 * Writes a header and one line per hash, each ended by CR LF. An unknown value is an empty cell,
 * zero is `0`.
 */
export function reportToCsv(report: FileReport, options: LookupOptions): string {
  const columns: CsvColumn[] = [
    ...leadingColumns,
    ...(options.information
      ? informationColumns.map((name): CsvColumn => [name, (result) => result.information?.[name]])
      : []),
    ...(options.thresholds
      ? ([
          ["verdict", (result) => result.verdict?.value],
          ["rule", (result) => result.verdict?.rule],
        ] satisfies CsvColumn[])
      : []),
    ...trailingColumns,
    ...(options.where
      ? ([["where", (result) => result.where?.join(" ")]] satisfies CsvColumn[])
      : []),
  ];
  const header = columns.map(([name]) => name).join(",");
  const lines = report.results.map((result) =>
    columns.map(([, cell]) => formatCell(cell(result))).join(","),
  );
  return [header, ...lines, ""].join("\r\n");
}

/**
 * A place where a spreadsheet may see a formula: the start of a cell, or text behind a separator.
 * Semicolon, tab and bar separate cells in some languages and imports, in spite of quotes.
 */
const formulaPlace = /(?=[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20])(?<=(?:^|[;\t|\r\n])["' ]*)/g;

function formatCell(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell !== "string") return String(cell);
  const safe = cell.replaceAll(formulaPlace, "'");
  return /[",;|\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Whether an `Accept` header prefers CSV to JSON. Without a preference the answer is JSON. */
export function prefersCsv(accept: string | null): boolean {
  const findWeight = (...types: readonly string[]): number => {
    const ranges = (accept ?? "").toLowerCase().split(",").map(readRange);
    return Math.max(0, ...ranges.filter(({ type }) => types.includes(type)).map(({ q }) => q));
  };
  return findWeight("text/csv", "text/*") > findWeight("application/json", "application/*");
}

function readRange(range: string): { type: string; q: number } {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
  const q = parameters
    .map((parameter) => /^q=([\d.]+)$/.exec(parameter)?.[1])
    .find((value) => value !== undefined);
  return { type, q: q === undefined ? 1 : Number(q) || 0 };
}
