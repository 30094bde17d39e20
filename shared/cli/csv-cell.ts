/** Formats a cell of CSV. A text that a spreadsheet would run as a formula gets an apostrophe. */
export function formatCsvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r;\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
