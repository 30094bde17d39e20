/** Edits a query by position and returns the pieces. */
import type { Pieces } from "../../contracts/compiled-hunt.ts";

/** Replaces `[start, end)` by pieces; an insertion has `start === end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: Pieces;
}

/**
 * Applies edits that do not overlap and drops the text after `end`. Edits at one position keep
 * their order.
 */
export function applyEdits(text: string, edits: readonly Edit[], end: number): Pieces {
  const pieces: Pieces[number][] = [];
  let offset = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    if (edit.start < offset)
      throw new Error(`two edits overlap at offset ${edit.start} of the query`);
    pieces.push(text.slice(offset, edit.start), ...edit.replacement);
    offset = edit.end;
  }
  return mergeTexts([...pieces, text.slice(offset, end)]);
}

/** Joins adjacent texts and drops empty ones. */
export function mergeTexts(pieces: Pieces): Pieces {
  const out: Pieces[number][] = [];
  for (const piece of pieces) {
    const last = out.at(-1);
    if (typeof piece === "string" && typeof last === "string") out[out.length - 1] = last + piece;
    else if (piece !== "") out.push(piece);
  }
  return out;
}
