/** An export store over a Map with the guarantees of the real one, and with faults on request. */
import { createHash } from "node:crypto";
import type { HuntColumn } from "../../shared/contracts/compiled-hunt.ts";
import { toStoredRows } from "../../shared/hunts/log/stored-rows.ts";
import type {
  ExportMetadata,
  ExportRecord,
  ExportStore,
  HuntFormat,
} from "../../shared/hunts/ports.ts";
import type { Clock } from "../../shared/runtime/time.ts";

/** An operation, for a fault or a scheduler to decide on. */
export interface ExportOperation {
  readonly verb: "find" | "list" | "folders" | "write" | "finish" | "commit" | "rows" | "clock";
  readonly path: string;
}

export interface MemoryExportsOptions {
  readonly clock: Clock;
  readonly before?: (operation: ExportOperation) => void | Promise<void>;
  /** Throws for an answer that is lost although the operation took effect. */
  readonly after?: (operation: ExportOperation) => void | Promise<void>;
  /** For mutants: a commit replaces an existing export. */
  readonly canOverwrite?: boolean;
}

interface ExportContent {
  readonly lines: readonly string[];
  readonly format: HuntFormat;
  readonly columns: readonly HuntColumn[];
}

/** A committed export with its rows as received. */
export interface MemoryExport extends ExportRecord, ExportContent {}

export interface MemoryExports extends ExportStore {
  /** Every export, by path. */
  readonly listAll: () => readonly MemoryExport[];
  /** Removes exports, as a retention rule would. */
  readonly removeExport: (path: string) => void;
  /** Paths whose export was replaced; only a mutant can do that. */
  readonly overwrittenPaths: readonly string[];
  readonly countOperations: (verb: ExportOperation["verb"]) => number;
}

export function memoryExports(options: MemoryExportsOptions): MemoryExports {
  const stored = new Map<string, MemoryExport>();
  const counts = new Map<string, number>();
  const overwrittenPaths: string[] = [];
  let commits = 0;

  const runOperation = async <T>(operation: ExportOperation, act: () => T): Promise<T> => {
    counts.set(operation.verb, (counts.get(operation.verb) ?? 0) + 1);
    await options.before?.(operation);
    const outcome = act();
    await options.after?.(operation);
    return outcome;
  };

  const listUnder = (prefix: string): MemoryExport[] =>
    [...stored.values()]
      .filter(({ path }) => path.startsWith(prefix))
      .sort((a, b) => (a.path < b.path ? -1 : 1));

  const commitExport = (
    path: string,
    metadata: ExportMetadata,
    content: ExportContent,
  ): ReturnType<CommitFunction> => {
    const existing = stored.get(path);
    if (existing && options.canOverwrite !== true)
      return existing.metadata.attempt === metadata.attempt
        ? { kind: "committed", etag: existing.etag }
        : { kind: "lost" };
    if (existing) overwrittenPaths.push(path);
    commits += 1;
    const etag = `"0x${commits}"`;
    stored.set(path, { path, metadata, etag, ...content });
    return { kind: "committed", etag };
  };

  return {
    find: (path) => runOperation({ verb: "find", path }, () => stored.get(path)),
    list: async function* (prefix) {
      yield* await runOperation({ verb: "list", path: prefix }, () => listUnder(prefix));
    },
    listFolders: (prefix) =>
      runOperation({ verb: "folders", path: prefix }, () => [
        ...new Set(
          listUnder(prefix)
            .map(({ path }) => path.slice(prefix.length))
            .filter((rest) => rest.includes("/"))
            .map((rest) => rest.slice(0, rest.indexOf("/"))),
        ),
      ]),
    openWriter: (path, _attempt, format, columns) => {
      const lines: string[] = [];
      const readText = (): string => lines.map((line) => `${line}\n`).join("");
      return {
        writeRows: (bytes, count) =>
          runOperation({ verb: "write", path }, () => {
            const rows = Buffer.from(bytes).toString("utf8").split("\n").slice(0, -1);
            if (rows.length !== count)
              throw new Error(`Expected ${count} rows, received ${rows.length}.`);
            lines.push(...rows);
          }),
        finish: () =>
          runOperation({ verb: "finish", path }, () => ({
            rows: lines.length,
            rawbytes: Buffer.byteLength(readText()),
            substituted: 0,
            sha256: createHash("sha256").update(readText()).digest("hex"),
          })),
        commit: (metadata) =>
          runOperation({ verb: "commit", path }, () =>
            commitExport(path, metadata, { lines, format, columns }),
          ),
        abandon: async () => void lines.splice(0),
      };
    },
    readRows: async (path, format, skip, top) => {
      const { lines, columns } = await runOperation(
        { verb: "rows", path },
        () => stored.get(path) ?? { lines: [], columns: [] },
      );
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      return toStoredRows(format, columns, bytes).slice(skip, skip + top);
    },
    // The Date header has whole seconds and is never ahead.
    serverNowMs: () =>
      runOperation(
        { verb: "clock", path: "" },
        () => Math.floor(options.clock.now() / 1_000) * 1_000,
      ),
    overwrittenPaths,
    listAll: () => listUnder(""),
    removeExport: (path) => void stored.delete(path),
    countOperations: (verb) => counts.get(verb) ?? 0,
  };
}

type CommitFunction = (
  metadata: ExportMetadata,
) => { readonly kind: "committed"; readonly etag: string } | { readonly kind: "lost" };
