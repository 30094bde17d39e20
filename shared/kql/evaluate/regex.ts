/**
 * Translates regular expressions of the service to JavaScript's. The service's have neither
 * look-around nor references to groups, and inline flags may change anywhere.
 */

/** Flags that change how a part of the pattern is translated. */
interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  /** Swaps greedy and lazy. */
  readonly U: boolean;
}

/** An open group: the flags to return to, and how many wrappers its flags opened. */
interface OpenGroup {
  readonly outer: Flags;
  wrappers: number;
}

/** Thrown for a pattern that the service refuses. */
class PatternError extends Error {}

const posixClasses: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: String.raw`\x00-\x7f`,
  blank: String.raw`\t `,
  cntrl: String.raw`\x00-\x1f\x7f`,
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: String.raw`!-\/:-@\[-\x60\{-~`,
  space: String.raw`\t\n\v\f\r `,
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

const syntaxCharacters = new Set("^$\\.*+?()[]{}|/");
const quoteCharacter = (letter: string): string =>
  syntaxCharacters.has(letter) ? `\\${letter}` : letter;

/** Escapes that JavaScript has with the same meaning. */
const sharedEscapes = new Set("dDwWsSbBfnrtv");
const ownEscapes: Readonly<Record<string, string>> = {
  A: String.raw`(?<![\s\S])`,
  z: String.raw`(?![\s\S])`,
  a: String.raw`\x07`,
  C: String.raw`[\s\S]`,
};
const generalCategories = /^(?:[CLMNPSZ][a-z]?|Any|ASCII)$/;

/** Reads a pattern from left to right. */
class PatternTranslator {
  readonly #text: string;
  #at = 0;
  #flags: Flags;
  readonly #groups: OpenGroup[] = [
    { outer: { i: false, m: false, s: false, U: false }, wrappers: 0 },
  ];
  constructor(text: string, flags: string) {
    this.#text = text;
    const has = (flag: string): boolean => flags.includes(flag);
    this.#flags = { i: has("i"), m: has("m"), s: has("s"), U: has("U") };
  }

  /** Returns the pattern for the flags `u`, and `i` if that is given from outside. */
  translate(): string {
    let source = "";
    while (this.#at < this.#text.length) source += this.#translateNext();
    const [root, ...open] = this.#groups;
    if (root === undefined || open.length > 0) throw new PatternError("a group is open");
    return source + ")".repeat(root.wrappers);
  }

  #translateNext(): string {
    const letter = this.#text[this.#at] ?? "";
    if (letter === "\\") return this.#translateEscape(false);
    if (letter === "[") return this.#translateClass();
    if (letter === "(") return this.#openGroup();
    this.#at += 1;
    if (letter === ")") return this.#closeGroup();
    if (".^$".includes(letter)) return this.#translateAnchor(letter);
    if (letter === "{") return this.#translateBrace();
    if ("*+?".includes(letter)) return letter + this.#readLaziness();
    return letter === "}" || letter === "]" ? `\\${letter}` : letter;
  }

  #translateAnchor(letter: string): string {
    const { m, s } = this.#flags;
    if (letter === ".") return s ? String.raw`[\s\S]` : String.raw`[^\n]`;
    if (!m) return letter;
    return letter === "^" ? String.raw`(?<![^\n])` : String.raw`(?![^\n])`;
  }

  /** A `?` after a quantifier, or its absence if the flag `U` swaps them. */
  #readLaziness(): string {
    const isLazy = this.#text[this.#at] === "?";
    if (isLazy) this.#at += 1;
    return isLazy === this.#flags.U ? "" : "?";
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    const sticky = new RegExp(pattern.source, "y");
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match !== null) this.#at = sticky.lastIndex;
    return match;
  }

  /** A brace that is not a count is a letter. */
  #translateBrace(): string {
    const count = this.#match(/\d+(?:,\d*)?\}/);
    return count === null ? String.raw`\{` : `{${count[0]}${this.#readLaziness()}`;
  }

  #openGroup(): string {
    const named = this.#match(/\(\?P?<([A-Za-z_]\w*)>/);
    const change = named ? null : this.#match(/\(\?([imsU]*)(?:-([imsU]+))?([:)])/);
    if (change !== null) return this.#changeFlags(change);
    if (named === null && this.#text.startsWith("(?", this.#at))
      throw new PatternError("the group is not supported");
    if (named === null) this.#at += 1;
    this.#groups.push({ outer: this.#flags, wrappers: 0 });
    return named === null ? "(" : `(?<${named[1]}>`;
  }

  /** `(?i)` lasts to the end of the group; `(?i:…)` is a group of its own. */
  #changeFlags([, on = "", off = "", end]: RegExpExecArray): string {
    const outer = this.#flags;
    const decide = (flag: keyof Flags): boolean =>
      on.includes(flag) || (outer[flag] && !off.includes(flag));
    this.#flags = { i: decide("i"), m: decide("m"), s: decide("s"), U: decide("U") };
    const wrapper = this.#flags.i === outer.i ? "(?:" : this.#flags.i ? "(?i:" : "(?-i:";
    const group = this.#groups.at(-1);
    if (end === ":") this.#groups.push({ outer, wrappers: 0 });
    else if (group !== undefined) group.wrappers += 1;
    return wrapper;
  }

  #closeGroup(): string {
    const group = this.#groups.length > 1 ? this.#groups.pop() : undefined;
    if (group === undefined) throw new PatternError("a group is closed that is not open");
    this.#flags = group.outer;
    return ")".repeat(group.wrappers + 1);
  }

  #translateEscape(isInClass: boolean): string {
    const literal = this.#match(/\\Q([\s\S]*?)(?:\\E|$)/);
    if (literal !== null) return Array.from(literal[1] ?? "", quoteCharacter).join("");
    const code = this.#match(/\\x\{([0-9A-Fa-f]+)\}|\\x([0-9A-Fa-f]{2})|\\([0-7]{3})/);
    if (code !== null) return toCodeEscape(code);
    const property = this.#match(/\\([pP])(?:\{(\^?)(\w+)\}|(\w))/);
    if (property !== null) return toPropertyEscape(property);
    const letter = this.#text[this.#at + 1];
    this.#at += 2;
    if (letter === undefined) throw new PatternError("the pattern ends with a backslash");
    if (sharedEscapes.has(letter)) return `\\${letter}`;
    const own = isInClass ? undefined : ownEscapes[letter];
    if (own !== undefined) return own;
    if (/[0-9A-Za-z]/.test(letter)) throw new PatternError(`\\${letter} is not an escape`);
    return isInClass && letter === "-" ? String.raw`\-` : quoteCharacter(letter);
  }

  /** A class of characters; a bracket at its begin is one of them. */
  #translateClass(): string {
    const [open = ""] = this.#match(/\[\^?\]?/) ?? [];
    let source = open.endsWith("]") ? `${open.slice(0, -1)}\\]` : open;
    while (this.#at < this.#text.length) {
      const letter = this.#text[this.#at];
      const posix = this.#match(/\[:(\^?)(\w+):\]/);
      if (posix !== null) source += toPosixClass(posix);
      else if (letter === "\\") source += this.#translateEscape(true);
      else {
        this.#at += 1;
        if (letter === "]") return `${source}]`;
        source += letter === "[" ? String.raw`\[` : letter;
      }
    }
    throw new PatternError("a class is open");
  }
}

const toCodeEscape = ([, long, short, octal]: RegExpExecArray): string => {
  const code =
    octal === undefined ? Number.parseInt(long ?? short ?? "", 16) : Number.parseInt(octal, 8);
  return `\\u{${code.toString(16)}}`;
};

function toPropertyEscape([, kind = "p", caret, long, short]: RegExpExecArray): string {
  const name = long ?? short ?? "";
  const isNegated = (kind === "P") !== (caret === "^");
  const value = generalCategories.test(name) ? name : `Script=${name}`;
  return `\\${isNegated ? "P" : "p"}{${value}}`;
}

function toPosixClass([whole, caret, name = ""]: RegExpExecArray): string {
  const letters = posixClasses[name];
  if (letters === undefined) throw new PatternError(`${whole} is not a class`);
  if (caret === "") return letters;
  const negated: Readonly<Record<string, string>> = {
    digit: String.raw`\D`,
    space: String.raw`\S`,
    word: String.raw`\W`,
  };
  const escape = negated[name];
  if (escape === undefined) throw new PatternError(`${whole} is not supported`);
  return escape;
}

const regexes = new Map<string, RegExp>();
const maxRegexes = 1_000;

/** Compiles a pattern of the service; undefined for one that it refuses. */
export function getRegex(pattern: string, flags = ""): RegExp | undefined {
  const key = `${flags}/${pattern}`;
  const cached = regexes.get(key);
  if (cached !== undefined) return cached;
  const compiled = compileRegex(pattern, flags);
  if (regexes.size >= maxRegexes) regexes.clear();
  if (compiled !== undefined) regexes.set(key, compiled);
  return compiled;
}

function compileRegex(pattern: string, flags: string): RegExp | undefined {
  const scriptFlags = `u${flags.replaceAll(/[^gi]/g, "")}`;
  try {
    return new RegExp(new PatternTranslator(pattern, flags).translate(), scriptFlags);
  } catch (error) {
    if (error instanceof PatternError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
