/**
 * Finds file hashes in whatever a SIEM sends: any JSON, form or text, JSON inside JSON strings included. Parsed first
 * and searched after, because raw JSON hides a hash behind an escape.
 */
import {
  findFault,
  isPrototypeKey,
  type BodyLimits,
  type ParsedBody,
} from "../contracts/parsed-body.ts";
import { toPointerPart, type InputFault } from "../contracts/input-faults.ts";
import { findNamingBefore, namingSiblings, readName, type Naming } from "./hash-names.ts";
import { forEachRun, findHashKind, canHoldHash, type HashKind } from "./hash-runs.ts";

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
  | { readonly kind: "too-many"; readonly max: number };

/** Most distinct hashes of one body. */
export const maxHashes = 20_000;
const maxPlaces = 10;

interface CollectedHash {
  readonly hash: string;
  readonly kind: HashKind;
  readonly where: string[];
  reason: string | undefined;
}

/** Where the walk stands: the open containers with the name of each in the one above. */
interface HashSearch {
  readonly options: FindOptions;
  readonly nodes: unknown[];
  readonly names: (string | number)[];
  readonly collected: Map<string, CollectedHash>;
  /** How many strings looked like JSON and were none. */
  failedParses: number;
  fault: InputFault | undefined;
}

/** Finds every file hash of a body. */
export function findHashes(body: ParsedBody, options: FindOptions): FindOutcome {
  const search: HashSearch = {
    options,
    nodes: [],
    names: [],
    collected: new Map(),
    failedParses: 0,
    fault: undefined,
  };
  searchBody(body, search);
  if (search.fault) return { kind: "outside-limits", fault: search.fault };
  const all = [...search.collected.values()];
  const hashes = all.filter(({ reason }) => reason === undefined);
  if (hashes.length > maxHashes) return { kind: "too-many", max: maxHashes };
  const skipped = all.flatMap(({ hash, kind, where, reason }) =>
    reason === undefined ? [] : [{ hash, kind, where, reason }],
  );
  return {
    kind: "found",
    hashes: hashes.map(({ hash, kind, where }) => ({ hash, kind, where })),
    skipped,
  };
}

function searchBody(body: ParsedBody, search: HashSearch): void {
  if (body.kind === "json") {
    if (typeof body.value === "object" && body.value !== null)
      searchContainer(body.value, "", search);
    else searchScalar(body.value, "", {}, search);
    return;
  }
  search.nodes.push(body);
  search.names.push("");
  const lines =
    body.kind === "form"
      ? body.fields
      : body.text.split("\n").map((line, index) => [index, line] as const);
  for (const [name, text] of lines) {
    if (body.kind === "form" && typeof name === "string") scanText(name, name, {}, search);
    searchString(text, name, {}, search);
  }
}

/** Depth is limited, so recursion is. */
function searchContainer(
  node: object,
  name: string | number,
  search: HashSearch,
  columns?: readonly string[],
): void {
  const { limits } = search.options;
  if (search.nodes.length >= limits.depth) {
    recordFault(search, name, `is nested deeper than ${limits.depth} levels`);
    return;
  }
  search.nodes.push(node);
  search.names.push(name);
  if (Array.isArray(node)) searchElements(node, search, columns);
  else searchMembers(node as Readonly<Record<string, unknown>>, search);
  search.nodes.pop();
  search.names.pop();
}

function searchElements(
  elements: readonly unknown[],
  search: HashSearch,
  columns?: readonly string[],
): void {
  const { limits } = search.options;
  if (elements.length > limits.elements) {
    recordFault(
      search,
      undefined,
      `has ${elements.length} elements, want at most ${limits.elements}`,
    );
    return;
  }
  for (let index = 0; index < elements.length && !search.fault; index += 1) {
    const element = elements[index];
    if (typeof element === "object" && element !== null)
      searchContainer(element, index, search, Array.isArray(element) ? columns : undefined);
    else searchScalar(element, index, elements, search, columns?.[index]);
  }
}

function searchMembers(node: Readonly<Record<string, unknown>>, search: HashSearch): void {
  const { limits } = search.options;
  const names = Object.keys(node);
  if (names.length > limits.keys) {
    recordFault(search, undefined, `has ${names.length} keys, want at most ${limits.keys}`);
    return;
  }
  for (let index = 0; index < names.length && !search.fault; index += 1) {
    const name = names[index] ?? "";
    const member = node[name];
    if (isPrototypeKey(name, member))
      recordFault(search, name, "this name is not accepted; remove the key");
    else if (typeof member === "object" && member !== null)
      searchContainer(member, name, search, name === "rows" ? readColumnNames(node) : undefined);
    else searchScalar(member, name, node, search);
    if (name.length >= 32) scanText(name, name, {}, search);
  }
}

/** A table as Log Analytics and Splunk write it: the cells of `rows` are named by `columns` or `fields`. */
function readColumnNames(node: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const columns = node["columns"] ?? node["fields"];
  if (!Array.isArray(columns)) return undefined;
  return columns.map((column: unknown) => {
    const label: unknown =
      typeof column === "object" && column !== null && "name" in column ? column.name : column;
    return typeof label === "string" ? label : "";
  });
}

function searchScalar(
  value: unknown,
  name: string | number,
  siblings: object,
  search: HashSearch,
  column?: string,
): void {
  if (typeof value === "string") searchString(value, name, siblings, search, column);
  else if (typeof value === "number" && !Number.isFinite(value))
    recordFault(search, name, "is a number too large to be kept");
}

function searchString(
  text: string,
  name: string | number,
  siblings: object,
  search: HashSearch,
  column?: string,
): void {
  if (text.length < 32) return;
  if (text.length > search.options.limits.characters) {
    recordFault(
      search,
      name,
      `has ${text.length} characters, want at most ${search.options.limits.characters}`,
    );
    return;
  }
  const inner = parseInnerJson(text, search);
  if (inner) searchContainer(inner, name, search);
  else scanText(text, name, siblings, search, column);
}

/** The JSON that a string is made of, when it may hold a hash and stays within the limits; such strings are common. */
function parseInnerJson(text: string, search: HashSearch): object | undefined {
  if (!/^\s*[[{]/.test(text) || !/[\]}]\s*$/.test(text.slice(-maxTailLength))) return undefined;
  if (search.failedParses >= maxFailedParses || !text.includes('"') || !canHoldHash(text))
    return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const { limits } = search.options;
    if (typeof value !== "object" || value === null) return undefined;
    return findFault(value, { ...limits, depth: limits.depth - search.nodes.length })
      ? undefined
      : value;
  } catch {
    search.failedParses += 1;
    return undefined;
  }
}

const maxTailLength = 16;
// A failed parse costs microseconds; a body made of thousands of them is searched as text from here on.
const maxFailedParses = 1_000;

function scanText(
  text: string,
  name: string | number,
  siblings: object,
  search: HashSearch,
  column?: string,
): void {
  let lastEnd = -1;
  let lastNaming: Naming | undefined;
  forEachRun(text, (start, end) => {
    const isListed = lastEnd >= 0 && hasOnlySeparators(text, lastEnd, start);
    const naming = isListed ? lastNaming : findNamingBefore(text, start);
    lastEnd = end;
    lastNaming = naming;
    const isWholeText = end - start === text.length;
    collectHash(
      search,
      text.slice(start, end),
      name,
      naming ?? findPlaceNaming(search, name, siblings, isWholeText, column),
    );
  });
}

const maxGapLength = 8;

/** `…, …`: the second of a list is what the first was. */
function hasOnlySeparators(text: string, from: number, to: number): boolean {
  return to - from <= maxGapLength && /^[ ,;|"']+$/.test(text.slice(from, to));
}

/** What the place says: the property's own name, then the sibling that names it, then the container's name. */
function findPlaceNaming(
  search: HashSearch,
  name: string | number,
  siblings: object,
  isWholeText: boolean,
  column: string | undefined,
): Naming | undefined {
  for (const ancestor of search.names)
    if (typeof ancestor === "string" && readName(ancestor).isForeign)
      return { is: "other", reason: "a certificate" };
  const ownReading = readName(column ?? String(name));
  if (ownReading.naming && ownReading.words !== "id") return ownReading.naming;
  const sibling = isWholeText ? findSiblingNaming(siblings, name) : undefined;
  if (ownReading.words === "id" && sibling?.type === "file") return { is: "file" };
  return (
    ownReading.naming ??
    sibling?.naming ??
    (ownReading.isNeutral ? findContainerNaming(search) : undefined)
  );
}

interface SiblingNaming {
  readonly naming: Naming | undefined;
  readonly type: string;
}

function findSiblingNaming(siblings: object, name: string | number): SiblingNaming {
  let naming: Naming | undefined;
  let type = "";
  for (const [sibling, value] of Array.isArray(siblings) ? [] : Object.entries(siblings)) {
    if (sibling === name || typeof value !== "string" || value.length > 64) continue;
    const key = sibling.replaceAll(/[^A-Za-z]/g, "").toLowerCase();
    if (!namingSiblings.has(key)) continue;
    const reading = readName(value);
    if (key === "type") type = reading.words;
    naming ??= reading.naming;
  }
  return { naming, type };
}

/** The nearest container that has a telling name; array positions and neutral names are passed over. */
function findContainerNaming(search: HashSearch): Naming | undefined {
  for (let depth = search.names.length - 1; depth >= 0; depth -= 1) {
    const { naming, isNeutral } = readName(String(search.names[depth]));
    if (naming || !isNeutral) return naming;
  }
  return undefined;
}

function collectHash(
  search: HashSearch,
  run: string,
  name: string | number,
  naming: Naming | undefined,
): void {
  const kind = findHashKind(run.length);
  if (kind === undefined) return;
  const hash = run.toLowerCase();
  const reason = naming?.is === "other" && search.options.all !== true ? naming.reason : undefined;
  const existing = search.collected.get(hash);
  const entry = existing ?? { hash, kind, where: [], reason };
  if (!existing) search.collected.set(hash, entry);
  // A hash that is a file's in one place is one, and its places are those.
  if (reason !== undefined && entry.reason === undefined) return;
  if (reason === undefined && entry.reason !== undefined) {
    entry.reason = undefined;
    entry.where.length = 0;
    search.collected.delete(hash);
    search.collected.set(hash, entry);
  }
  if (search.options.where === true && entry.where.length < maxPlaces)
    entry.where.push(toPointer(search, name));
}

const toPointer = (search: HashSearch, name: string | number | undefined): string => {
  const path = [
    ...search.names.slice(1),
    ...(name === undefined || (name === "" && search.nodes.length === 0) ? [] : [name]),
  ];
  return path.map(toPointerPart).join("");
};

function recordFault(search: HashSearch, name: string | number | undefined, message: string): void {
  search.fault ??= { path: toPointer(search, name), message };
}
