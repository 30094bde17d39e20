/** Reads the members of an object that say what the values beside them are. */
import { readName, type Naming } from "./hash-names.ts";
import { labelledField, namingSiblings, siblingRules } from "./hash-rules.ts";

/** What the members of an object say of the values beside them. */
export interface SiblingNames {
  /** Letters of every name, lower case. */
  readonly keys: ReadonlySet<string>;
  /** The first two members that name a value: one of them may be the value itself. */
  readonly namings: readonly (readonly [name: string, naming: Naming])[];
  readonly types: readonly (readonly [name: string, words: string])[];
  /** What `cs1Label` and the like say of the member before `Label`. */
  readonly labels: ReadonlyMap<string, Naming>;
}

/** The reading of a container without named members. */
export const noSiblings: SiblingNames = {
  keys: new Set(),
  namings: [],
  types: [],
  labels: new Map(),
};

const maxSiblingLength = 64;

/** Reads every member once. */
export function collectSiblings(node: unknown): SiblingNames {
  const keys = new Set<string>();
  const namings: [string, Naming][] = [];
  const types: [string, string][] = [];
  const labels = new Map<string, Naming>();
  if (typeof node === "object" && node !== null && !Array.isArray(node))
    for (const [name, value] of Object.entries(node) as [string, unknown][]) {
      const key = name.replaceAll(/[^A-Za-z]/g, "").toLowerCase();
      keys.add(key);
      collectLabel(name, value, labels);
      if (!namingSiblings.has(key) || typeof value !== "string") continue;
      if (value.length > maxSiblingLength) continue;
      const { words, naming } = readName(value);
      if (key === "type" && types.length < 2) types.push([name, words]);
      if (naming && namings.length < 2) namings.push([name, naming]);
    }
  return { keys, namings, types, labels };
}

/** Returns the first value that another member gives. */
export const findOther = <T>(
  entries: readonly (readonly [name: string, value: T])[],
  ownName: string | number,
): T | undefined => entries.find(([name]) => name !== ownName)?.[1];

/** Applies the rules for names whose meaning depends on the properties beside them. */
export function findSiblingRule(
  words: string,
  ownName: string | number,
  { keys, types }: SiblingNames,
): Naming | undefined {
  if (words === "id" && findOther(types, ownName) === "file") return { is: "file" };
  const rule = siblingRules.find(
    ({ names, beside }) => names.test(words) && beside.some((key) => keys.has(key)),
  );
  return rule && { is: "other", reason: rule.reason };
}

const labelEnding = "Label";

function collectLabel(name: string, value: unknown, labels: Map<string, Naming>): void {
  if (!name.endsWith(labelEnding) || typeof value !== "string") return;
  const field = name.slice(0, -labelEnding.length);
  const naming =
    labelledField.test(field) && value.length <= maxSiblingLength
      ? readName(value).naming
      : undefined;
  if (naming) labels.set(field, naming);
}

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
      collectLabel(name, value, this.#labels);
    return this.#labels;
  }
}
