/** The string operators: terms, parts, ends, regular expressions. */

/** Tests a text. */
export type Matcher = (text: string) => boolean;

const isTermCode = (code: number): boolean =>
  (code >= 48 && code <= 57) ||
  (code >= 65 && code <= 90) ||
  (code >= 97 && code <= 122) ||
  (code > 127 && /[\p{L}\p{N}]/u.test(String.fromCharCode(code)));

/** True when there is no term on both sides of the boundary before `index`. */
const isBoundary = (text: string, index: number): boolean =>
  index <= 0 ||
  index >= text.length ||
  !isTermCode(text.charCodeAt(index - 1)) ||
  !isTermCode(text.charCodeAt(index));

/** A term is a run of letters and digits; a search word must begin (`left`) and end (`right`) where terms do. */
function termSearch(word: string, left: boolean, right: boolean): Matcher {
  if (word === "") return () => true;
  return (text) => {
    for (let index = text.indexOf(word); index >= 0; index = text.indexOf(word, index + 1))
      if ((!left || isBoundary(text, index)) && (!right || isBoundary(text, index + word.length)))
        return true;
    return false;
  };
}

const matchers: Readonly<Record<string, (word: string) => Matcher>> = {
  has: (word) => termSearch(word, true, true),
  hasprefix: (word) => termSearch(word, true, false),
  hassuffix: (word) => termSearch(word, false, true),
  contains: (word) => (text) => text.includes(word),
  startswith: (word) => (text) => text.startsWith(word),
  endswith: (word) => (text) => text.endsWith(word),
  equals: (word) => (text) => text === word,
};

/** A matcher for one of the operators' words, `has`, `contains` …; without regard to case unless `exact`. */
export function matcherOf(operator: string, word: string, exact: boolean): Matcher {
  const make = matchers[operator];
  if (make === undefined) throw new Error(`no string operator ${operator}`);
  if (exact) return make(word);
  const match = make(word.toLowerCase());
  return (text) => match(text.toLowerCase());
}

/** Kusto's regular expressions are RE2's; JavaScript's differ in the inline flags, a few classes and anchors. */
export function regexOf(pattern: string, flags = ""): RegExp | undefined {
  const kept = regexes.get(flags + pattern);
  if (kept !== undefined) return kept;
  const made = compileRegex(pattern, flags);
  if (made !== undefined) regexes.set(flags + pattern, made);
  return made;
}

const regexes = new Map<string, RegExp>();

function compileRegex(pattern: string, flags: string): RegExp | undefined {
  const [, inline = "", rest = pattern] = /^\(\?([a-zA-Z]+)\)([\s\S]*)$/.exec(pattern) ?? [];
  const source = rest
    .replace(/\(\?P</g, "(?<")
    .replace(/\\A/g, "^")
    .replace(/\\z/g, "$")
    .replace(/\[\[:(\w+):\]\]/g, (_, name: string) => `[${posixClasses[name] ?? ""}]`)
    .replace(/\[:(\w+):\]/g, (_, name: string) => posixClasses[name] ?? "")
    .replace(/\(\?([ims]+)\)([\s\S]*)$/, "(?$1:$2)");
  const all = [...new Set(flags + inline.replace(/[^ims]/g, ""))].join("");
  return attempt(source, `${all}u`) ?? attempt(source, all);
}

const posixClasses: Readonly<Record<string, string>> = {
  alpha: "a-zA-Z",
  digit: "0-9",
  alnum: "0-9a-zA-Z",
  space: String.raw`\s`,
  xdigit: "0-9a-fA-F",
  upper: "A-Z",
  lower: "a-z",
  punct: String.raw`!-\/:-@\[-\`{-~`,
  word: String.raw`\w`,
};

function attempt(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}
