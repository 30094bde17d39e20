/** Prints lists of Cloud Apps as a table, as one JSON object a line, or as CSV. */
import { maxPageSize, type Item } from "../../clients/cloud-apps/lists.ts";
import { formatCsvCell } from "../csv-cell.ts";
import { formatCount, formatTable, type Output } from "../output.ts";
import { toTable } from "./columns.ts";
import type { ItemFormat } from "./list-options.ts";
import type { ListedResource } from "./parse-filter.ts";

export interface PrintOptions {
  readonly resource: ListedResource;
  readonly format: ItemFormat;
  /** Items to print at most. */
  readonly top: number;
  readonly output: Output;
}

/** Prints up to `top` items. JSON lines appear as they arrive; a table needs all of them first. */
export async function printItems(
  items: AsyncIterable<Item>,
  { resource, format, top, output }: PrintOptions,
): Promise<void> {
  const collected: Item[] = [];
  let count = 0;
  for await (const item of items) {
    count += 1;
    if (format === "json") output.line(JSON.stringify(item));
    else collected.push(item);
    // One page arrives at once; a bar for it would only flicker.
    if (top > maxPageSize) output.progress(count, top, resource);
    if (count >= top) break;
  }
  if (format === "json") return;
  const { head, rows } = toTable(resource, collected);
  if (format === "csv") {
    for (const row of [head, ...rows]) output.line(row.map(formatCsvCell).join(","));
    return;
  }
  for (const line of formatTable(head, rows)) output.line(line);
  output.line(
    count >= top
      ? `The first ${top} are shown; --top ${top * 10} shows more.`
      : `${formatCount(count, "item")} in all.`,
  );
}
