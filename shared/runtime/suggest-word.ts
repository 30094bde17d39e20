/** Finds the word that a person probably meant. Pure. */

const maxLength = 64;

/**
 * Returns the candidate nearest to `word`: equal but for case, or at most two edits away (one edit
 * for words of up to 4 letters). An edit inserts, deletes, replaces or swaps one letter.
 */
export function suggestWord(
  word: string,
  candidates: readonly string[],
  maxEdits = word.length <= 4 ? 1 : 2,
): string | undefined {
  if (word.length === 0 || word.length > maxLength) return undefined;
  const lower = word.toLowerCase();
  let best: { readonly candidate: string; readonly edits: number } | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > maxEdits) continue;
    const edits = countEdits(lower, candidate.toLowerCase());
    if (edits <= maxEdits && (best === undefined || edits < best.edits))
      best = { candidate, edits };
  }
  return best?.candidate;
}

/** Returns ` Did you mean "x"?`, or an empty text when no candidate is near. */
export function formatSuggestion(word: string, candidates: readonly string[]): string {
  const suggestion = suggestWord(word, candidates);
  return suggestion === undefined ? "" : ` Did you mean "${suggestion}"?`;
}

/** Counts the edits between two words (optimal string alignment). */
function countEdits(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const replaced = (previous[column - 1] ?? 0) + (isSame ? 0 : 1);
      const shifted = Math.min(previous[column] ?? 0, current[column - 1] ?? 0) + 1;
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = isSwapped ? (beforePrevious[column - 2] ?? 0) + 1 : Infinity;
      current.push(Math.min(replaced, shifted, swapped));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}
