/**
 * Finds file hashes in whatever a SIEM sends: any JSON, form or text, also JSON inside JSON strings
 * and tables in text. Bodies are parsed first and searched afterwards, because raw JSON hides a
 * hash behind an escape.
 */
import type { InputFault } from "../contracts/input-faults.ts";
import { findFault, isPrototypeKey, type ParsedBody } from "../contracts/parsed-body.ts";
import { canHoldHash } from "./hash-runs.ts";
import {
  HashSearch,
  type FindOptions,
  type FoundHash,
  type SkippedHash,
  type TextPlace,
} from "./hash-search.ts";
import { readTextTable } from "./text-table.ts";

/** The hashes in document order, each once. */
export type FindOutcome =
  | {
      readonly kind: "found";
      readonly hashes: readonly FoundHash[];
      readonly skipped: readonly SkippedHash[];
    }
  | { readonly kind: "outside-limits"; readonly fault: InputFault }
  | { readonly kind: "too-many"; readonly max: number };

/** Maximum number of distinct hashes of one body. */
export const maxHashes = 20_000;
const minLength = 32;
const maxTailLength = 16;
// A failed parse costs microseconds; after this many, strings are searched as text.
const maxFailedParses = 1_000;

/** Finds every file hash of a body. */
export function findHashes(body: ParsedBody, options: FindOptions): FindOutcome {
  const search = new HashSearch(options);
  searchBody(body, search);
  if (search.fault) return { kind: "outside-limits", fault: search.fault };
  const hashes = search.listHashes();
  if (hashes.length > maxHashes) return { kind: "too-many", max: maxHashes };
  return { kind: "found", hashes, skipped: search.listSkipped() };
}

function searchBody(body: ParsedBody, search: HashSearch): void {
  if (body.kind === "json")
    return typeof body.value === "string"
      ? searchString(body.value, { name: "", isLine: true }, search)
      : searchValue(body.value, "", search);
  search.openContainer(body, "");
  if (body.kind === "form") searchForm(body.fields, search);
  else if (!searchTable(body.text, search)) searchLines(body.text, search);
}

function searchForm(
  fields: readonly (readonly [name: string, value: string])[],
  search: HashSearch,
): void {
  for (const [name, text] of fields) {
    search.scanText(name, { name, isName: true });
    searchString(text, { name }, search);
  }
}

function searchLines(text: string, search: HashSearch): void {
  for (const [index, line] of text.split("\n").entries())
    searchString(line, { name: index, isLine: true }, search);
}

/** Searches a table under the names of its columns; returns false when the text is not a table. */
function searchTable(text: string, search: HashSearch, place?: TextPlace): boolean {
  const cells = readTextTable(text);
  for (const cell of cells ?? [])
    searchString(cell.text, { name: place?.name ?? cell.line, column: cell.column }, search);
  return cells !== undefined;
}

function searchValue(
  value: unknown,
  name: string | number,
  search: HashSearch,
  column?: string,
): void {
  if (typeof value === "string") {
    if (value.length >= minLength) searchString(value, { name, column }, search);
  } else if (typeof value === "object" && value !== null) searchContainer(value, name, search);
  else if (typeof value === "number" && !Number.isFinite(value))
    search.recordFault(name, "must be a number within the range of a double");
}

/** Recursion is as deep as the limit of the depth. */
function searchContainer(
  node: object,
  name: string | number,
  search: HashSearch,
  columns?: readonly string[],
): void {
  const { limits } = search.options;
  if (search.depth >= limits.depth)
    return search.recordFault(name, `must be nested at most ${limits.depth} levels deep`);
  search.openContainer(node, name);
  if (Array.isArray(node)) searchElements(node, search, columns);
  else searchMembers(node as Readonly<Record<string, unknown>>, search);
  search.closeContainer();
}

function searchElements(
  elements: readonly unknown[],
  search: HashSearch,
  columns?: readonly string[],
): void {
  const { limits } = search.options;
  if (elements.length > limits.elements)
    return search.recordFault(
      undefined,
      `must have at most ${limits.elements} elements, has ${elements.length}`,
    );
  for (let index = 0; index < elements.length && !search.fault; index += 1) {
    const element = elements[index];
    if (columns && Array.isArray(element)) searchContainer(element, index, search, columns);
    else searchValue(element, index, search, columns?.[index]);
  }
}

function searchMembers(node: Readonly<Record<string, unknown>>, search: HashSearch): void {
  const { limits } = search.options;
  const names = Object.keys(node);
  if (names.length > limits.keys)
    return search.recordFault(
      undefined,
      `must have at most ${limits.keys} members, has ${names.length}`,
    );
  for (let index = 0; index < names.length && !search.fault; index += 1) {
    const name = names[index] ?? "";
    const member = node[name];
    if (isPrototypeKey(name, member))
      search.recordFault(name, "must not have this name; remove the member");
    else if (name === "rows" && Array.isArray(member))
      searchContainer(member, name, search, readColumnNames(node));
    else searchValue(member, name, search);
    if (name.length >= minLength) search.scanText(name, { name, isName: true });
  }
}

/**
 * In a table as Log Analytics and Splunk write it, `columns` or `fields` name the cells of `rows`.
 */
function readColumnNames(node: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const columns = node["columns"] ?? node["fields"];
  if (!Array.isArray(columns)) return undefined;
  return columns.map((column: unknown) => {
    const label: unknown =
      typeof column === "object" && column !== null && "name" in column ? column.name : column;
    return typeof label === "string" ? label : "";
  });
}

function searchString(text: string, place: TextPlace, search: HashSearch): void {
  if (text.length < minLength) return;
  const { limits } = search.options;
  if (text.length > limits.characters)
    return search.recordFault(
      place.name,
      `must have at most ${limits.characters} characters, has ${text.length}`,
    );
  const inner = parseInnerJson(text, search);
  if (inner) searchContainer(inner, place.name, search);
  else if (place.column !== undefined || !searchTable(text, search, place))
    search.scanText(text, place);
}

/**
 * Parses JSON in a string when it may hold a hash and is within the limits; such strings are
 * common.
 */
function parseInnerJson(text: string, search: HashSearch): object | undefined {
  if (!/^\s*[[{]/.test(text) || !/[\]}]\s*$/.test(text.slice(-maxTailLength))) return undefined;
  if (search.failedParses >= maxFailedParses || !text.includes('"') || !canHoldHash(text))
    return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const { limits } = search.options;
    if (typeof value !== "object" || value === null) return undefined;
    return findFault(value, { ...limits, depth: limits.depth - search.depth }) ? undefined : value;
  } catch {
    search.failedParses += 1;
    return undefined;
  }
}
