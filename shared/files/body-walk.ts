/**
 * Walks a body from part to part without recursion, so that a search can pause after any portion:
 * a stack of cursors, each over the parts of one container, table or text.
 */
import { findFault, isPrototypeKey, type ParsedBody } from "../contracts/parsed-body.ts";
import { canHoldHash, minDigits } from "./hash-runs.ts";
import type { HashSearch, TextPlace, TextScan } from "./hash-search.ts";
import { readTextTable, type TableCell } from "./text-table.ts";

const maxTailLength = 16;
// A failed parse costs microseconds; after this many, strings are searched as text.
const maxFailedParses = 1_000;

/** A position in the parts of a container, table or text. */
interface Cursor {
  /** Returns the next inner cursor, `pause` after a portion of work, `undefined` at the end. */
  readonly advance: () => Cursor | "pause" | undefined;
}

/** Searches one part; returns the cursor over what the part holds, if it has parts itself. */
type SearchPart = (index: number) => Cursor | undefined;

class PartCursor implements Cursor {
  #index = 0;
  readonly #search: HashSearch;
  readonly #length: number;
  readonly #searchPart: SearchPart;
  readonly #isContainer: boolean;

  constructor(search: HashSearch, length: number, searchPart: SearchPart, isContainer = false) {
    this.#search = search;
    this.#length = length;
    this.#searchPart = searchPart;
    this.#isContainer = isContainer;
  }

  advance(): Cursor | "pause" | undefined {
    while (this.#index < this.#length && !this.#search.fault) {
      const inner = this.#searchPart(this.#index);
      this.#index += 1;
      if (inner) return inner;
      if (this.#search.endsPortion()) return "pause";
    }
    if (this.#isContainer) this.#search.closeContainer();
    return undefined;
  }
}

/** Searches a body; yields after each portion of work. */
export function* searchPortions(body: ParsedBody, search: HashSearch): Generator<undefined, void> {
  const outer: Cursor[] = [];
  for (let cursor = openBody(body, search); cursor !== undefined;) {
    const inner = cursor.advance();
    if (inner === "pause") yield undefined;
    else if (inner === undefined) cursor = outer.pop();
    else {
      outer.push(cursor);
      cursor = inner;
    }
  }
}

function openBody(body: ParsedBody, search: HashSearch): Cursor | undefined {
  if (body.kind === "json")
    return typeof body.value === "string"
      ? searchString(body.value, { name: "", isLine: true }, search)
      : searchValue(body.value, "", search);
  search.openContainer(body, "");
  if (body.kind === "form") return openForm(body.fields, search);
  const cells = readTextTable(body.text);
  return cells ? openTable(cells, search) : openLines(body.text.split("\n"), search);
}

function openForm(
  fields: readonly (readonly [name: string, value: string])[],
  search: HashSearch,
): Cursor {
  return new PartCursor(search, fields.length, (index) => {
    const [name = "", text = ""] = fields[index] ?? [];
    return openNamed(name, search, () => searchString(text, { name }, search));
  });
}

const openLines = (lines: readonly string[], search: HashSearch): Cursor =>
  new PartCursor(search, lines.length, (index) =>
    searchString(lines[index] ?? "", { name: index, isLine: true }, search),
  );

/** Opens the cells of a table under the names of their columns. */
const openTable = (
  cells: readonly TableCell[],
  search: HashSearch,
  name?: string | number,
): Cursor =>
  new PartCursor(search, cells.length, (index) => {
    const { text = "", column, line = 0 } = cells[index] ?? {};
    return searchString(text, { name: name ?? line, column }, search);
  });

function searchValue(
  value: unknown,
  name: string | number,
  search: HashSearch,
  column?: string,
): Cursor | undefined {
  if (typeof value === "string")
    return value.length < minDigits ? undefined : searchString(value, { name, column }, search);
  if (typeof value === "object" && value !== null) return openContainer(value, name, search);
  if (typeof value === "number" && !Number.isFinite(value))
    search.recordFault(name, "must be a number within the range of a double");
  return undefined;
}

function openContainer(
  node: object,
  name: string | number,
  search: HashSearch,
  columns?: readonly string[],
): Cursor | undefined {
  const { limits } = search.options;
  if (search.depth >= limits.depth) {
    search.recordFault(name, `must be nested at most ${limits.depth} levels deep`);
    return undefined;
  }
  search.openContainer(node, name);
  return Array.isArray(node)
    ? openElements(node, search, columns)
    : openMembers(node as Readonly<Record<string, unknown>>, search);
}

function openElements(
  elements: readonly unknown[],
  search: HashSearch,
  columns?: readonly string[],
): Cursor {
  const { limits } = search.options;
  if (elements.length > limits.elements) {
    const message = `must have at most ${limits.elements} elements, has ${elements.length}`;
    search.recordFault(undefined, message);
  }
  const searchElement = (index: number): Cursor | undefined => {
    const element = elements[index];
    return columns && Array.isArray(element)
      ? openContainer(element, index, search, columns)
      : searchValue(element, index, search, columns?.[index]);
  };
  return new PartCursor(search, elements.length, searchElement, true);
}

function openMembers(node: Readonly<Record<string, unknown>>, search: HashSearch): Cursor {
  const { limits } = search.options;
  const names = Object.keys(node);
  if (names.length > limits.keys) {
    const message = `must have at most ${limits.keys} members, has ${names.length}`;
    search.recordFault(undefined, message);
  }
  const searchPart = (index: number): Cursor | undefined => {
    const name = names[index] ?? "";
    return name.length < minDigits
      ? searchMember(node, name, search)
      : openNamed(name, search, () => searchMember(node, name, search));
  };
  return new PartCursor(search, names.length, searchPart, true);
}

/** Opens a name, which may be a hash itself, and what it names. */
const openNamed = (
  name: string,
  search: HashSearch,
  searchRest: () => Cursor | undefined,
): Cursor =>
  new PartCursor(search, 2, (part) =>
    part === 0 ? searchText(name, { name, isName: true }, search) : searchRest(),
  );

function searchMember(
  node: Readonly<Record<string, unknown>>,
  name: string,
  search: HashSearch,
): Cursor | undefined {
  const member = node[name];
  if (isPrototypeKey(name, member)) {
    search.recordFault(name, "must not have this name; remove the member");
    return undefined;
  }
  return name === "rows" && Array.isArray(member)
    ? openContainer(member, name, search, readColumnNames(node))
    : searchValue(member, name, search);
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

/** Searches a string at once, or returns the cursor over what it holds. */
function searchString(text: string, place: TextPlace, search: HashSearch): Cursor | undefined {
  if (text.length < minDigits) return undefined;
  const { limits } = search.options;
  if (text.length > limits.characters) {
    search.recordFault(
      place.name,
      `must have at most ${limits.characters} characters, has ${text.length}`,
    );
    return undefined;
  }
  const inner = parseInnerJson(text, search);
  if (inner) return openContainer(inner, place.name, search);
  const cells = place.column === undefined ? readTextTable(text) : undefined;
  if (cells) return openTable(cells, search, place.name);
  return searchText(text, place, search);
}

function searchText(text: string, place: TextPlace, search: HashSearch): Cursor | undefined {
  const scan = search.startScan(text, place);
  return search.scanPortion(scan) ? undefined : openScan(scan, search);
}

/** Opens the rest of a text whose first portion has been searched: pauses before each portion. */
function openScan(scan: TextScan, search: HashSearch): Cursor {
  let hasPaused = false;
  const advance = (): "pause" | undefined => {
    if (hasPaused && search.scanPortion(scan)) return undefined;
    hasPaused = true;
    return "pause";
  };
  return { advance };
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
