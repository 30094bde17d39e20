/**
 * Finds file hashes in whatever a SIEM sends: any JSON, form or text, JSON inside JSON strings included. Parsed first
 * and searched after, because raw JSON hides a hash behind an escape.
 */
import {
  findFault,
  pointerPart,
  reachesPrototype,
  type BodyLimits,
  type ParsedBody,
} from "../http/request-body.ts";
import type { InputFault } from "../http/problem.ts";
import { namingBefore, namingSiblings, readName, type Naming } from "./hash-names.ts";
import { eachRun, kindOfLength, mayHoldHash, type HashKind } from "./hash-runs.ts";

/** A hash of a file, lower case, with the places where it stands when asked for. */
export interface FoundHash {
  readonly hash: string;
  readonly kind: HashKind;
  /** JSON pointers, the first ten. A form's field is `/name`, a line of text `/3`; JSON in a string goes on inside. */
  readonly where: readonly string[];
}

/** A run of the right form that names something else. */
export interface SkippedHash extends FoundHash {
  readonly reason: string;
}

export interface FindOptions {
  /** Take every run, whatever it is called. */
  readonly all?: boolean;
  /** Note where each was found. */
  readonly where?: boolean;
  readonly limits: BodyLimits;
}

/** In document order, each hash once. */
export type FindOutcome =
  | {
      readonly kind: "found";
      readonly hashes: readonly FoundHash[];
      readonly skipped: readonly SkippedHash[];
    }
  | { readonly kind: "outside-limits"; readonly fault: InputFault }
  | { readonly kind: "too-many"; readonly most: number };

/** Most distinct hashes of one body. */
export const mostHashes = 20_000;
const mostPlaces = 10;

interface Collected {
  readonly hash: string;
  readonly kind: HashKind;
  readonly where: string[];
  reason: string | undefined;
}

/** Where the walk stands: the open containers with the name of each in the one above. */
interface Walk {
  readonly options: FindOptions;
  readonly nodes: unknown[];
  readonly names: (string | number)[];
  readonly collected: Map<string, Collected>;
  /** How many strings looked like JSON and were none. */
  notJson: number;
  fault: InputFault | undefined;
}

/** Finds every file hash of a body. */
export function findHashes(body: ParsedBody, options: FindOptions): FindOutcome {
  const walk: Walk = {
    options,
    nodes: [],
    names: [],
    collected: new Map(),
    notJson: 0,
    fault: undefined,
  };
  walkBody(body, walk);
  if (walk.fault) return { kind: "outside-limits", fault: walk.fault };
  const all = [...walk.collected.values()];
  const hashes = all.filter(({ reason }) => reason === undefined);
  if (hashes.length > mostHashes) return { kind: "too-many", most: mostHashes };
  const skipped = all.flatMap(({ hash, kind, where, reason }) =>
    reason === undefined ? [] : [{ hash, kind, where, reason }],
  );
  return {
    kind: "found",
    hashes: hashes.map(({ hash, kind, where }) => ({ hash, kind, where })),
    skipped,
  };
}

function walkBody(body: ParsedBody, walk: Walk): void {
  if (body.kind === "json") {
    if (typeof body.value === "object" && body.value !== null) walkContainer(body.value, "", walk);
    else walkScalar(body.value, "", {}, walk);
    return;
  }
  walk.nodes.push(body);
  walk.names.push("");
  const lines =
    body.kind === "form"
      ? body.fields
      : body.text.split("\n").map((line, index) => [index, line] as const);
  for (const [name, text] of lines) {
    if (body.kind === "form" && typeof name === "string") scanText(name, name, {}, walk);
    walkString(text, name, {}, walk);
  }
}

/** Depth is limited, so recursion is. */
function walkContainer(
  node: object,
  name: string | number,
  walk: Walk,
  columns?: readonly string[],
): void {
  const { limits } = walk.options;
  if (walk.nodes.length >= limits.depth) {
    fail(walk, name, `is nested deeper than ${limits.depth} levels`);
    return;
  }
  walk.nodes.push(node);
  walk.names.push(name);
  if (Array.isArray(node)) walkElements(node, walk, columns);
  else walkMembers(node as Readonly<Record<string, unknown>>, walk);
  walk.nodes.pop();
  walk.names.pop();
}

function walkElements(elements: readonly unknown[], walk: Walk, columns?: readonly string[]): void {
  const { limits } = walk.options;
  if (elements.length > limits.elements) {
    fail(walk, undefined, `has ${elements.length} elements, want at most ${limits.elements}`);
    return;
  }
  for (let index = 0; index < elements.length && !walk.fault; index += 1) {
    const element = elements[index];
    if (typeof element === "object" && element !== null)
      walkContainer(element, index, walk, Array.isArray(element) ? columns : undefined);
    else walkScalar(element, index, elements, walk, columns?.[index]);
  }
}

function walkMembers(node: Readonly<Record<string, unknown>>, walk: Walk): void {
  const { limits } = walk.options;
  const names = Object.keys(node);
  if (names.length > limits.keys) {
    fail(walk, undefined, `has ${names.length} keys, want at most ${limits.keys}`);
    return;
  }
  for (let index = 0; index < names.length && !walk.fault; index += 1) {
    const name = names[index] ?? "";
    const member = node[name];
    if (reachesPrototype(name, member))
      fail(walk, name, "this name is not accepted; remove the key");
    else if (typeof member === "object" && member !== null)
      walkContainer(member, name, walk, name === "rows" ? columnNames(node) : undefined);
    else walkScalar(member, name, node, walk);
    if (name.length >= 32) scanText(name, name, {}, walk);
  }
}

/** A table as Log Analytics and Splunk write it: the cells of `rows` are named by `columns` or `fields`. */
function columnNames(node: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const columns = node["columns"] ?? node["fields"];
  if (!Array.isArray(columns)) return undefined;
  return columns.map((column: unknown) => {
    const named: unknown =
      typeof column === "object" && column !== null && "name" in column ? column.name : column;
    return typeof named === "string" ? named : "";
  });
}

function walkScalar(
  value: unknown,
  name: string | number,
  beside: object,
  walk: Walk,
  column?: string,
): void {
  if (typeof value === "string") walkString(value, name, beside, walk, column);
  else if (typeof value === "number" && !Number.isFinite(value))
    fail(walk, name, "is a number too large to be kept");
}

function walkString(
  text: string,
  name: string | number,
  beside: object,
  walk: Walk,
  column?: string,
): void {
  if (text.length < 32) return;
  if (text.length > walk.options.limits.characters) {
    fail(
      walk,
      name,
      `has ${text.length} characters, want at most ${walk.options.limits.characters}`,
    );
    return;
  }
  const inner = innerJson(text, walk);
  if (inner) walkContainer(inner, name, walk);
  else scanText(text, name, beside, walk, column);
}

/** The JSON that a string is made of, when it may hold a hash and stays within the limits; such strings are common. */
function innerJson(text: string, walk: Walk): object | undefined {
  if (!/^\s*[[{]/.test(text) || !/[\]}]\s*$/.test(text.slice(-longestTail))) return undefined;
  if (walk.notJson >= mostNotJson || !text.includes('"') || !mayHoldHash(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const { limits } = walk.options;
    if (typeof value !== "object" || value === null) return undefined;
    return findFault(value, { ...limits, depth: limits.depth - walk.nodes.length })
      ? undefined
      : value;
  } catch {
    walk.notJson += 1;
    return undefined;
  }
}

const longestTail = 16;
// A failed parse costs microseconds; a body made of thousands of them is searched as text from here on.
const mostNotJson = 1_000;

function scanText(
  text: string,
  name: string | number,
  beside: object,
  walk: Walk,
  column?: string,
): void {
  let lastEnd = -1;
  let lastNaming: Naming | undefined;
  eachRun(text, (start, end) => {
    const listed = lastEnd >= 0 && onlySeparators(text, lastEnd, start);
    const naming = listed ? lastNaming : namingBefore(text, start);
    lastEnd = end;
    lastNaming = naming;
    const whole = end - start === text.length;
    collect(
      walk,
      text.slice(start, end),
      name,
      naming ?? namingOfPlace(walk, name, beside, whole, column),
    );
  });
}

const longestGap = 8;

/** `…, …`: the second of a list is what the first was. */
function onlySeparators(text: string, from: number, to: number): boolean {
  return to - from <= longestGap && /^[ ,;|"']+$/.test(text.slice(from, to));
}

/** What the place says: the property's own name, then the sibling that names it, then the container's name. */
function namingOfPlace(
  walk: Walk,
  name: string | number,
  beside: object,
  whole: boolean,
  column: string | undefined,
): Naming | undefined {
  for (const above of walk.names)
    if (typeof above === "string" && readName(above).foreign)
      return { is: "other", reason: "a certificate" };
  const own = readName(column ?? String(name));
  if (own.naming && own.words !== "id") return own.naming;
  const sibling = whole ? siblingNaming(beside, name) : undefined;
  if (own.words === "id" && sibling?.type === "file") return { is: "file" };
  return own.naming ?? sibling?.naming ?? (own.neutral ? containerNaming(walk) : undefined);
}

interface SiblingNaming {
  readonly naming: Naming | undefined;
  readonly type: string;
}

function siblingNaming(beside: object, name: string | number): SiblingNaming {
  let naming: Naming | undefined;
  let type = "";
  for (const [sibling, value] of Array.isArray(beside) ? [] : Object.entries(beside)) {
    if (sibling === name || typeof value !== "string" || value.length > 64) continue;
    const key = sibling.replaceAll(/[^A-Za-z]/g, "").toLowerCase();
    if (!namingSiblings.has(key)) continue;
    const said = readName(value);
    if (key === "type") type = said.words;
    naming ??= said.naming;
  }
  return { naming, type };
}

/** The nearest container that has a telling name; array positions and neutral names are passed over. */
function containerNaming(walk: Walk): Naming | undefined {
  for (let depth = walk.names.length - 1; depth >= 0; depth -= 1) {
    const { naming, neutral } = readName(String(walk.names[depth]));
    if (naming || !neutral) return naming;
  }
  return undefined;
}

function collect(walk: Walk, run: string, name: string | number, naming: Naming | undefined): void {
  const kind = kindOfLength(run.length);
  if (kind === undefined) return;
  const hash = run.toLowerCase();
  const reason = naming?.is === "other" && walk.options.all !== true ? naming.reason : undefined;
  const known = walk.collected.get(hash);
  const entry = known ?? { hash, kind, where: [], reason };
  if (!known) walk.collected.set(hash, entry);
  // A hash that is a file's in one place is one, and its places are those.
  if (reason !== undefined && entry.reason === undefined) return;
  if (reason === undefined && entry.reason !== undefined) {
    entry.reason = undefined;
    entry.where.length = 0;
    walk.collected.delete(hash);
    walk.collected.set(hash, entry);
  }
  if (walk.options.where === true && entry.where.length < mostPlaces)
    entry.where.push(pointerTo(walk, name));
}

const pointerTo = (walk: Walk, name: string | number | undefined): string => {
  const path = [
    ...walk.names.slice(1),
    ...(name === undefined || (name === "" && walk.nodes.length === 0) ? [] : [name]),
  ];
  return path.map(pointerPart).join("");
};

function fail(walk: Walk, name: string | number | undefined, message: string): void {
  walk.fault ??= { path: pointerTo(walk, name), message };
}
