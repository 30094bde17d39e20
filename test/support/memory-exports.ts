/** An ExportStore over a Map, with the promises of the live one, and with faults on request. */
import { createHash } from "node:crypto";
import type { ExportMetadata, ExportStore, FoundExport } from "../../shared/hunts/ports.ts";
import type { Clock } from "../../shared/runtime/time.ts";

/** What is about to be done, for a fault or a scheduler to judge. */
export interface ExportOperation {
  readonly verb: "find" | "list" | "folders" | "write" | "finish" | "commit" | "rows" | "clock";
  readonly path: string;
}

export interface MemoryExportsOptions {
  readonly clock: Clock;
  readonly before?: (operation: ExportOperation) => void | Promise<void>;
  /** Throw here for an answer that was lost although the operation took effect. */
  readonly after?: (operation: ExportOperation) => void | Promise<void>;
  /** Mutants only: a commit no longer minds what is there. */
  readonly overwrites?: boolean;
}

/** A committed export with its rows. */
export interface MemoryExport extends FoundExport {
  readonly lines: readonly string[];
}

export interface MemoryExports extends ExportStore {
  /** Every export, by path. */
  readonly all: () => readonly MemoryExport[];
  /** Removes exports, as a retention rule would. */
  readonly drop: (path: string) => void;
  readonly count: (verb: ExportOperation["verb"]) => number;
}

export function memoryExports(options: MemoryExportsOptions): MemoryExports {
  const kept = new Map<string, MemoryExport>();
  const counts = new Map<string, number>();
  let commits = 0;

  const around = async <T>(operation: ExportOperation, act: () => T): Promise<T> => {
    counts.set(operation.verb, (counts.get(operation.verb) ?? 0) + 1);
    await options.before?.(operation);
    const outcome = act();
    await options.after?.(operation);
    return outcome;
  };

  const under = (prefix: string): MemoryExport[] =>
    [...kept.values()]
      .filter(({ path }) => path.startsWith(prefix))
      .sort((a, b) => (a.path < b.path ? -1 : 1));

  const commit = (
    path: string,
    metadata: ExportMetadata,
    lines: readonly string[],
  ): ReturnType<Commit> => {
    const there = kept.get(path);
    if (there && options.overwrites !== true)
      return there.metadata.attempt === metadata.attempt
        ? { kind: "committed", etag: there.etag }
        : { kind: "lost" };
    commits += 1;
    const etag = `"0x${commits}"`;
    kept.set(path, { path, metadata, etag, lines });
    return { kind: "committed", etag };
  };

  return {
    find: (path) => around({ verb: "find", path }, () => kept.get(path)),
    list: async function* (prefix) {
      yield* await around({ verb: "list", path: prefix }, () => under(prefix));
    },
    folders: (prefix) =>
      around({ verb: "folders", path: prefix }, () => [
        ...new Set(
          under(prefix)
            .map(({ path }) => path.slice(prefix.length))
            .filter((rest) => rest.includes("/"))
            .map((rest) => rest.slice(0, rest.indexOf("/"))),
        ),
      ]),
    open: (path) => {
      const lines: string[] = [];
      const text = (): string => lines.map((line) => `${line}\n`).join("");
      return {
        write: (bytes, count) =>
          around({ verb: "write", path }, () => {
            const rows = Buffer.from(bytes).toString("utf8").split("\n").slice(0, -1);
            if (rows.length !== count)
              throw new Error(`${count} rows were announced and ${rows.length} came`);
            lines.push(...rows);
          }),
        finish: () =>
          around({ verb: "finish", path }, () => ({
            rows: lines.length,
            rawbytes: Buffer.byteLength(text()),
            sha256: createHash("sha256").update(text()).digest("hex"),
          })),
        commit: (metadata) => around({ verb: "commit", path }, () => commit(path, metadata, lines)),
        abandon: async () => void lines.splice(0),
      };
    },
    rows: (path, _format, skip, top) =>
      around({ verb: "rows", path }, () => (kept.get(path)?.lines ?? []).slice(skip, skip + top)),
    // As the Date header has it: whole seconds, never ahead.
    serverNowMs: () =>
      around({ verb: "clock", path: "" }, () => Math.floor(options.clock.now() / 1_000) * 1_000),
    all: () => under(""),
    drop: (path) => void kept.delete(path),
    count: (verb) => counts.get(verb) ?? 0,
  };
}

type Commit = (
  metadata: ExportMetadata,
) => { readonly kind: "committed"; readonly etag: string } | { readonly kind: "lost" };
