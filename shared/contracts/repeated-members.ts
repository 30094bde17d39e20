/**
 * Members that a JSON text repeats within one object. Parsers keep one of them without notice, and
 * two parsers may keep different ones.
 */
import { toPointerPart } from "./input-faults.ts";

/** An occurrence of a member that another one of the same name follows in the same object. */
export interface RepeatedMember {
  /** JSON pointer of the member. */
  readonly path: string;
  readonly name: string;
  /** The value that a parser drops. */
  readonly value: unknown;
}

/** A parsed body, and the members that parsing dropped because they were repeated. */
export interface DeliveryBody {
  readonly value: unknown;
  readonly repeated: readonly RepeatedMember[];
}

/** An object or array that the walk is in. */
interface Level {
  /** Start of the value of each member; absent in an array. */
  readonly members?: Map<string, Occurrence>;
  /** The member or element at the current position. */
  name: string;
  index: number;
}

interface Occurrence {
  readonly from: number;
  to: number;
}

/**
 * Returns the dropped occurrences in order. Names are compared with their escapes resolved.
 *
 * @param text - valid JSON: check it with `JSON.parse` first
 */
export function findRepeatedMembers(text: string): readonly RepeatedMember[] {
  const walk = new MemberWalk(text);
  return walk.run();
}

class MemberWalk {
  readonly #text: string;
  readonly #levels: Level[] = [];
  readonly #repeated: RepeatedMember[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(): readonly RepeatedMember[] {
    for (let at = 0; at < this.#text.length; at += 1) at = this.#visit(at);
    return this.#repeated;
  }

  /** Visits the token at a position. Returns the position of its last character. */
  #visit(at: number): number {
    const level = this.#levels.at(-1);
    switch (this.#text.charAt(at)) {
      case '"':
        return this.#visitString(at, level);
      case "{":
        this.#levels.push({ members: new Map(), name: "", index: 0 });
        return at;
      case "[":
        this.#levels.push({ name: "0", index: 0 });
        return at;
      case "}":
      case "]":
        this.#endMember(at);
        this.#levels.pop();
        return at;
      case ",":
        this.#endMember(at);
        if (level && !level.members) level.name = String((level.index += 1));
        return at;
      default:
        return at;
    }
  }

  /** Skips a string; one that a colon follows is the name of a member. */
  #visitString(start: number, level: Level | undefined): number {
    const end = findStringEnd(this.#text, start);
    if (!level?.members) return end;
    const colon = skipBlanks(this.#text, end + 1);
    if (this.#text[colon] !== ":") return end;
    const raw = this.#text.slice(start, end + 1);
    level.name = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    const earlier = level.members.get(level.name);
    if (earlier) this.#reportRepeated(level.name, earlier);
    level.members.set(level.name, { from: colon + 1, to: colon + 1 });
    return colon;
  }

  #endMember(at: number): void {
    const level = this.#levels.at(-1);
    const occurrence = level?.members?.get(level.name);
    if (occurrence) occurrence.to = at;
  }

  #reportRepeated(name: string, { from, to }: Occurrence): void {
    this.#repeated.push({
      path: this.#levels.map((level) => toPointerPart(level.name)).join(""),
      name,
      value: JSON.parse(this.#text.slice(from, to)),
    });
  }
}

function findStringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
  return text.length;
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at += 1;
  return at;
}
