/** Writes CSV that spreadsheets show as text, and saves files. */

/** Quotes a cell. A leading character that spreadsheets execute gets an apostrophe. */
function quoteCell(text: string): string {
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Joins a header and lines to CSV (RFC 4180). */
export const createCsv = (
  header: readonly string[],
  lines: readonly (readonly string[])[],
): string => [header, ...lines].map((line) => line.map(quoteCell).join(",")).join("\r\n");

/** Offers text as a download. */
export function saveFile(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
