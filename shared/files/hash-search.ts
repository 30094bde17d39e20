/** The state of one search: the open containers, and the hashes collected so far. */
import { toPointerPart, type InputFault } from "../contracts/input-faults.ts";
import type { BodyLimits } from "../contracts/parsed-body.ts";
import {
  findNamingBefore,
  findTextNaming,
  readName,
  type NameReading,
  type Naming,
} from "./hash-names.ts";
import { placeholderHash, placeholderReason, unnamedMd5Reason } from "./hash-rules.ts";
import { findHashKind, findNextRun, readHash, type HashKind, type Run } from "./hash-runs.ts";
import { FieldLabels, noSiblings, Siblings } from "./hash-siblings.ts";

/** A hash of a file, lower case. */
export interface FoundHash {
  readonly hash: string;
  readonly kind: HashKind;
  /**
   * JSON pointers, the first ten. A form field is `/name`, a line of text `/3`; JSON in a string
   * continues inside.
   */
  readonly where: readonly string[];
}

/** A run of the right form that names something else. */
export interface SkippedHash extends FoundHash {
  readonly reason: string;
}

export interface FindOptions {
  /** Take every run, whatever its name. */
  readonly all?: boolean;
  /** Record where each hash was found. */
  readonly where?: boolean;
  readonly limits: BodyLimits;
}

/** The place of a text in the innermost open container. */
export interface TextPlace {
  readonly name: string | number;
  /** The name of its column, in a table. */
  readonly column?: string | undefined;
  /** Whether the text is a whole body or a line of it, where an unnamed MD5 counts. */
  readonly isLine?: boolean;
  /** Whether the text is itself the name of a member. */
  readonly isName?: boolean;
}

/** A text that is being searched, up to its last run. */
export interface TextScan {
  readonly text: string;
  readonly place: TextPlace;
  readonly run: Run;
  lastEnd: number;
  /** Without the spaces around it; computed once, at the first run. */
  trimmedLength: number | undefined;
  naming: Naming | undefined;
  labels: FieldLabels | undefined;
}

/**
 * Work after which a search lets others run, in members of containers. A run costs as much as 20
 * members or 400 characters; a portion takes about 5 ms.
 */
const portionSize = 10_000;
const runCost = 20;
const charactersPerCost = 20;
const maxPlaces = 10;
/** Characters of all places: in a deep body, they would be many times as long as the body. */
const maxPlaceLength = 2_097_152;
const maxGapLength = 8;

const certificateNaming: Naming = { is: "other", reason: "a certificate" };

/** How much the name of a run says: the highest rank over all its places decides. */
const ranks = { unclear: 0, unnamed: 1, index: 2, other: 3, file: 4, placeholder: 5 } as const;
type Rank = keyof typeof ranks;

/** What is decided of one place of a hash. */
interface Judgement {
  readonly rank: Rank;
  /** Why the hash is not of a file. */
  readonly reason: string | undefined;
}

const judgements = {
  file: { rank: "file", reason: undefined },
  index: { rank: "index", reason: undefined },
  unnamed: { rank: "unnamed", reason: undefined },
  unclear: { rank: "unclear", reason: unnamedMd5Reason },
  placeholder: { rank: "placeholder", reason: placeholderReason },
} as const satisfies Record<string, Judgement>;

interface CollectedHash {
  readonly hash: string;
  readonly kind: HashKind;
  readonly where: string[];
  rank: Rank;
  reason: string | undefined;
}

/** An open container with what its members say, read at most once. */
interface Frame {
  readonly node: unknown;
  readonly name: string | number;
  /** Whether it, or a container around it, holds no file's hash; known once it is asked for. */
  isForeign?: boolean;
  /** Its JSON pointer, once a hash in it has been found. */
  path?: string;
  reading?: NameReading;
  siblings?: Siblings;
  isHashList?: boolean;
}

/** Collects the hashes of one body. */
export class HashSearch {
  readonly options: FindOptions;
  /** How many strings looked like JSON and were not. */
  failedParses = 0;
  fault: InputFault | undefined;
  readonly #frames: Frame[] = [];
  readonly #collected = new Map<string, CollectedHash>();
  #spent = 0;
  #placeLength = 0;

  constructor(options: FindOptions) {
    this.options = options;
  }

  get depth(): number {
    return this.#frames.length;
  }

  /** Counts work; returns true when a portion is done, and begins the next one. */
  endsPortion(cost = 1): boolean {
    this.#spent += cost;
    if (this.#spent < portionSize) return false;
    this.#spent = 0;
    return true;
  }

  openContainer(node: unknown, name: string | number): void {
    this.#frames.push({ node, name });
  }

  closeContainer(): void {
    this.#frames.pop();
  }

  /** Records the first fault; the search ends with it. */
  recordFault(name: string | number | undefined, message: string): void {
    this.fault ??= { path: this.#toPointer(name), message };
  }

  /** Starts the search of a text; `scanPortion` carries it out. */
  startScan(text: string, place: TextPlace): TextScan {
    this.#spent += text.length / charactersPerCost;
    return {
      text,
      place,
      run: { start: 0, end: 0 },
      lastEnd: -1,
      trimmedLength: undefined,
      naming: undefined,
      labels: undefined,
    };
  }

  /** Collects runs until a portion is done; returns true at the end of the text. */
  scanPortion(scan: TextScan): boolean {
    while (findNextRun(scan.text, scan.run)) {
      this.#collectRun(scan);
      if (this.endsPortion(runCost)) return false;
    }
    return true;
  }

  #collectRun(scan: TextScan): void {
    const { text, place } = scan;
    const { start, end } = scan.run;
    const isListed = scan.lastEnd >= 0 && hasOnlySeparators(text, scan.lastEnd, start);
    if (!isListed)
      scan.naming =
        (scan.labels ??= new FieldLabels(text)).findNaming(start) ?? findNamingBefore(text, start);
    scan.lastEnd = end;
    const isWhole = end - start === (scan.trimmedLength ??= text.trim().length);
    const naming =
      this.#findNaming(text, place, { before: scan.naming, isWhole }) ??
      findTextNaming(text, start, end);
    this.#collect(text.slice(start, end), place, naming, isWhole);
  }

  /** Reads the words before a run and, where they say less, the place of its text. */
  #findNaming(
    text: string,
    place: TextPlace,
    { before, isWhole }: { readonly before: Naming | undefined; readonly isWhole: boolean },
  ): Naming | undefined {
    // The name of `fingerprint: "sha256:5f…"` says more than the algorithm before the run.
    const isPrefixed = before?.is === "file" && readHash(text) !== undefined;
    if (before && !isPrefixed) return before;
    const placed = this.#findPlaceNaming(place, isWhole || isPrefixed);
    return isPrefixed && placed?.is !== "other" ? before : placed;
  }

  /** The hashes of files, in document order, each once. */
  listHashes(): FoundHash[] {
    return [...this.#collected.values()]
      .filter(({ reason }) => reason === undefined)
      .map(({ hash, kind, where }) => ({ hash, kind, where }));
  }

  listSkipped(): SkippedHash[] {
    return [...this.#collected.values()].flatMap(({ hash, kind, where, reason }) =>
      reason === undefined ? [] : [{ hash, kind, where, reason }],
    );
  }

  #collect(run: string, place: TextPlace, naming: Naming | undefined, isWhole: boolean): void {
    const kind = findHashKind(run.length);
    if (kind === undefined) return;
    const hash = run.toLowerCase();
    const { rank, reason } = this.#judge(hash, place, naming, isWhole);
    const entry = this.#collected.get(hash);
    if (!entry) {
      // An array that grows from empty has room for 17 elements, which most hashes do not need.
      const pointer = this.#findPlace(place);
      const where = pointer === undefined ? [] : [pointer];
      this.#collected.set(hash, { hash, kind, where, rank, reason });
      return;
    }
    if (ranks[rank] > ranks[entry.rank]) this.#raiseRank(entry, rank, reason);
    // An unnamed place of a file's hash counts; a place that names something else does not.
    else if (rank !== entry.rank && (reason !== undefined || entry.reason !== undefined)) return;
    const pointer = entry.where.length < maxPlaces ? this.#findPlace(place) : undefined;
    if (pointer !== undefined) entry.where.push(pointer);
  }

  /** Returns the pointer of a place; undefined when places are not requested or fill their limit. */
  #findPlace({ name }: TextPlace): string | undefined {
    if (this.options.where !== true || this.#placeLength > maxPlaceLength) return undefined;
    const pointer = this.#toPointer(name);
    this.#placeLength += pointer.length;
    return pointer;
  }

  #raiseRank(entry: CollectedHash, rank: Rank, reason: string | undefined): void {
    const isNewlyTaken = reason === undefined && entry.reason !== undefined;
    if (isNewlyTaken || reason !== undefined) entry.where.length = 0;
    if (isNewlyTaken) {
      this.#collected.delete(entry.hash);
      this.#collected.set(entry.hash, entry);
    }
    entry.rank = rank;
    entry.reason = reason;
  }

  #judge(hash: string, place: TextPlace, naming: Naming | undefined, isWhole: boolean): Judgement {
    if (this.options.all === true) return judgements.file;
    if (placeholderHash.test(hash)) return judgements.placeholder;
    if (naming?.is === "other") return { rank: "other", reason: naming.reason };
    if (naming) return judgements[naming.is];
    const isUnclear = hash.length === 32 && !(isWhole && this.#countsWithoutName(place));
    return isUnclear ? judgements.unclear : judgements.unnamed;
  }

  /**
   * Whether an unnamed run that is the whole text counts as an MD5: a line, or an element of a list
   * of hashes.
   */
  #countsWithoutName(place: TextPlace): boolean {
    if (place.isLine === true) return true;
    const frame = this.#frames.at(-1);
    if (!frame || !Array.isArray(frame.node)) return false;
    frame.isHashList ??= frame.node.every(
      (element: unknown) => typeof element === "string" && readHash(element) !== undefined,
    );
    return frame.isHashList;
  }

  /** Reads the property's own name, then the sibling that names it, then the container's name. */
  #findPlaceNaming(place: TextPlace, isWhole: boolean): Naming | undefined {
    if (this.#isForeign(this.#frames.length - 1)) return certificateNaming;
    const frame = place.isName === true ? undefined : this.#frames.at(-1);
    const own = readPlaceName(place);
    const siblings = frame && isWhole ? readSiblings(frame) : noSiblings;
    const sibling = siblings.findOtherNaming(place.name);
    return (
      siblings.findRuleNaming(own, place.name) ??
      this.#findParentNaming(own.words, this.#frames.length) ??
      own.naming ??
      siblings.findLabelNaming(place.name) ??
      (own.isNeutral ? this.#findNeutralNaming(sibling, frame) : sibling)
    );
  }

  #isForeign(depth: number): boolean {
    const frame = this.#frames[depth];
    if (!frame) return false;
    return (frame.isForeign ??= readFrame(frame).isForeign || this.#isForeign(depth - 1));
  }

  /** Reads what a value without a name of its own is: the hash of a container is not a file's. */
  #findNeutralNaming(sibling: Naming | undefined, frame: Frame | undefined): Naming | undefined {
    const words = frame ? readFrame(frame).words : "";
    return (
      this.#findParentNaming(words, this.#frames.length - 1) ??
      sibling ??
      this.#findContainerNaming()
    );
  }

  /**
   * Reads `hash` with the name of its container, the frame below `depth`: the hash of a user or
   * event is not a file's.
   */
  #findParentNaming(words: string, depth: number): Naming | undefined {
    const parent = words.startsWith("hash") ? this.#frames[depth - 1]?.name : undefined;
    const naming = typeof parent === "string" ? readName(`${parent} ${words}`).naming : undefined;
    return naming?.is === "file" ? undefined : naming;
  }

  /** Reads the nearest container with a telling name; skips array positions and neutral names. */
  #findContainerNaming(): Naming | undefined {
    for (let depth = this.#frames.length - 1; depth >= 0; depth -= 1) {
      const frame = this.#frames[depth];
      const { words, naming, isNeutral } = frame ? readFrame(frame) : readName("");
      if (naming || !isNeutral) return this.#findParentNaming(words, depth) ?? naming;
    }
    return undefined;
  }

  #toPointer(name: string | number | undefined): string {
    const depth = this.#frames.length;
    const path = depth === 0 ? "" : this.#readPath(depth - 1);
    return name === undefined || (name === "" && depth === 0) ? path : path + toPointerPart(name);
  }

  /** The pointer of an open container; that of the outermost is empty. */
  #readPath(depth: number): string {
    const frame = this.#frames[depth];
    if (!frame || depth === 0) return "";
    return (frame.path ??= this.#readPath(depth - 1) + toPointerPart(frame.name));
  }
}

/** In `…, …`, the second run is what the first is. */
function hasOnlySeparators(text: string, from: number, to: number): boolean {
  return to - from <= maxGapLength && /^[ ,;|"']+$/.test(text.slice(from, to));
}

const elementReading = readName("0");
/** All positions read alike, so a body of many lines does not read each number. */
const readPlaceName = ({ column, name }: TextPlace): NameReading =>
  column === undefined && typeof name === "number"
    ? elementReading
    : readName(column ?? String(name));

const readFrame = (frame: Frame): NameReading =>
  (frame.reading ??= typeof frame.name === "number" ? elementReading : readName(frame.name));

/** Reads the members of an object once, however many of its values are hashes. */
const readSiblings = (frame: Frame): Siblings => (frame.siblings ??= new Siblings(frame.node));
