/** Checks that a result still has the column that windows are cut by. */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";

/**
 * Returns why a result cannot be used: a window without its time column cannot be proven to hold
 * only its own rows. Returns undefined when the column is there or the hunt needs none.
 */
export function findTimeColumnFault(
  { mode, timeColumn }: Pick<CompiledHunt, "mode" | "timeColumn">,
  columns: readonly HuntColumn[],
): string | undefined {
  if (mode !== "window" || timeColumn === undefined || columns.length === 0) return undefined;
  const expected = timeColumn.toLowerCase();
  return columns.some(({ name }) => name.toLowerCase() === expected)
    ? undefined
    : `The result has lost its time column ${timeColumn}.`;
}
