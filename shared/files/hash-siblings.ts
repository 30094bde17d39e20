/** Reads the members of an object that say what the values beside them are. */
import { readName, type NameReading, type Naming } from "./hash-names.ts";
import { labelledField, namingSiblings } from "./hash-rules.ts";

/** The roles of a member's name: it names the value beside it, or the field before `Label`. */
type Role = "none" | "type" | "naming" | "label";

const maxValueLength = 64;
const maxRoleLength = 24;
const labelEnding = "Label";

// Payloads use few names, each many times.
const roleCache = new Map<string, Role>();
const maxCachedRoles = 2_000;

function findRole(name: string): Role {
  const cached = roleCache.get(name);
  if (cached !== undefined) return cached;
  const letters = toLetters(name);
  const isLabel =
    name.endsWith(labelEnding) && labelledField.test(name.slice(0, -labelEnding.length));
  const ownRole = namingSiblings.has(letters) ? (letters === "type" ? "type" : "naming") : "none";
  const role = isLabel ? "label" : ownRole;
  if (roleCache.size >= maxCachedRoles) roleCache.clear();
  roleCache.set(name, role);
  return role;
}

const toLetters = (name: string): string => name.replaceAll(/[^A-Za-z]/g, "").toLowerCase();

/** What the members of one object say of the values beside them; each member is read once. */
export class Siblings {
  readonly #node: Readonly<Record<string, unknown>>;
  #letters: ReadonlySet<string> | undefined;
  // The first two of each: one of them may be the value itself.
  readonly #namings: [name: string, naming: Naming][] = [];
  readonly #types: [name: string, words: string][] = [];
  #labels: Map<string, Naming> | undefined;

  constructor(node: unknown) {
    this.#node =
      typeof node === "object" && node !== null && !Array.isArray(node)
        ? (node as Readonly<Record<string, unknown>>)
        : {};
    for (const name of Object.keys(this.#node)) {
      const value = this.#node[name];
      if (typeof value !== "string" || value.length > maxValueLength) continue;
      if (name.length <= maxRoleLength) this.#addMember(name, value);
    }
  }

  #addMember(name: string, value: string): void {
    const role = findRole(name);
    if (role === "none") return;
    const { words, naming } = readName(value);
    if (role === "type" && this.#types.length < 2) this.#types.push([name, words]);
    if (!naming) return;
    if (role === "label")
      (this.#labels ??= new Map()).set(name.slice(0, -labelEnding.length), naming);
    else if (this.#namings.length < 2) this.#namings.push([name, naming]);
  }

  /** Applies the rules for names whose meaning depends on the properties beside them. */
  findRuleNaming(
    { words, siblingRules }: NameReading,
    ownName: string | number,
  ): Naming | undefined {
    if (words === "id" && findOther(this.#types, ownName) === "file") return { is: "file" };
    const rule = siblingRules.find(({ beside }) => beside.some((key) => this.#hasMember(key)));
    return rule && { is: "other", reason: rule.reason };
  }

  /** Returns what another member names the value, such as `algorithm`. */
  findOtherNaming(ownName: string | number): Naming | undefined {
    return findOther(this.#namings, ownName);
  }

  /** Returns what the member with `Label` behind the name says. */
  findLabelNaming(name: string | number): Naming | undefined {
    return this.#labels?.get(String(name));
  }

  #hasMember(letters: string): boolean {
    this.#letters ??= new Set(Object.keys(this.#node).map(toLetters));
    return this.#letters.has(letters);
  }
}

/** The reading of a container without named members. */
export const noSiblings = new Siblings(undefined);

/** Returns the first value that another member gives. */
const findOther = <T>(
  entries: readonly (readonly [name: string, value: T])[],
  ownName: string | number,
): T | undefined => entries.find(([name]) => name !== ownName)?.[1];

const maxFieldLength = 24;

/** The labels of one text in CEF (`cs1=5f… cs1Label=sha1`), read at the first field. */
export class FieldLabels {
  readonly #text: string;
  #labels: Map<string, Naming> | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** What the label of the field before a run says. */
  findNaming(start: number): Naming | undefined {
    if (this.#text.charAt(start - 1) !== "=") return undefined;
    const before = this.#text.slice(Math.max(0, start - maxFieldLength), start - 1);
    const field = /\w+$/.exec(before)?.[0] ?? "";
    return labelledField.test(field) ? this.#readLabels().get(field) : undefined;
  }

  #readLabels(): Map<string, Naming> {
    if (this.#labels) return this.#labels;
    this.#labels = new Map();
    for (const [, name = "", value = ""] of this.#text.matchAll(
      /\b(\w{1,20}Label)=([^=\n]{1,64}?)(?= \w{1,40}=|$)/gm,
    ))
      addLabel(name.slice(0, -labelEnding.length), value, this.#labels);
    return this.#labels;
  }
}

function addLabel(field: string, value: string, labels: Map<string, Naming>): void {
  const naming = labelledField.test(field) ? readName(value).naming : undefined;
  if (naming) labels.set(field, naming);
}
