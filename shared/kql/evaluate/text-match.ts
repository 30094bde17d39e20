/** The string operators: terms, parts, ends. */

/** Tests a text. */
export type TextMatcher = (text: string) => boolean;

const isTermCode = (code: number): boolean =>
  (code >= 48 && code <= 57) ||
  (code >= 65 && code <= 90) ||
  (code >= 97 && code <= 122) ||
  (code > 127 && /[\p{L}\p{N}]/u.test(String.fromCharCode(code)));

/** Returns true unless a term continues across the boundary before `index`. */
const isBoundary = (text: string, index: number): boolean =>
  index <= 0 ||
  index >= text.length ||
  !isTermCode(text.charCodeAt(index - 1)) ||
  !isTermCode(text.charCodeAt(index));

/**
 * A term is a run of letters and digits; a search word must begin (`startsTerm`) and end
 * (`endsTerm`) where terms do.
 */
function createTermMatcher(word: string, startsTerm: boolean, endsTerm: boolean): TextMatcher {
  if (word === "") return () => true;
  return (text) => {
    for (let index = text.indexOf(word); index >= 0; index = text.indexOf(word, index + 1))
      if (
        (!startsTerm || isBoundary(text, index)) &&
        (!endsTerm || isBoundary(text, index + word.length))
      )
        return true;
    return false;
  };
}

const matcherFactories: Readonly<Record<string, (word: string) => TextMatcher>> = {
  has: (word) => createTermMatcher(word, true, true),
  hasprefix: (word) => createTermMatcher(word, true, false),
  hassuffix: (word) => createTermMatcher(word, false, true),
  contains: (word) => (text) => text.includes(word),
  startswith: (word) => (text) => text.startsWith(word),
  endswith: (word) => (text) => text.endsWith(word),
  equals: (word) => (text) => text === word,
};

/**
 * A matcher for one of the operators' words, `has`, `contains` …; without regard to case unless
 * `isCaseSensitive`.
 */
export function createMatcher(
  operator: string,
  word: string,
  isCaseSensitive: boolean,
): TextMatcher {
  const createFor = matcherFactories[operator];
  if (createFor === undefined) throw new Error(`no string operator ${operator}`);
  if (isCaseSensitive) return createFor(word);
  const match = createFor(word.toLowerCase());
  return (text) => match(text.toLowerCase());
}
