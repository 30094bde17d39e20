/** Broken variants of the hunts module. The model must catch each of them. */
import type { ExportStore, HuntDeps } from "../../shared/hunts/ports.ts";
import type { HuntMutant } from "./hunt-model.ts";

const changeExports =
  (change: (store: ExportStore) => Partial<ExportStore>) =>
  (deps: HuntDeps): HuntDeps => ({
    ...deps,
    exports: { ...deps.exports, ...change(deps.exports) },
  });

/**
 * Puts the window's end into the path, so that two instances with different clocks never compete
 * for it.
 */
const endInPath = changeExports((store) => ({
  find: async (path) => {
    for await (const existing of store.list(path.slice(0, -".ndjson.gz".length))) return existing;
    return undefined;
  },
  openWriter: (path, attempt, format, columns) => {
    const addEndToPath = (to: string): string =>
      path.replace(".ndjson.gz", `-${to.replaceAll(/\D/g, "")}.ndjson.gz`);
    const lines: [Uint8Array, number][] = [];
    const probe = store.openWriter(path, attempt, format, columns);
    return {
      writeRows: async (bytes, count) => {
        lines.push([bytes.slice(), count]);
        await probe.writeRows(bytes, count);
      },
      finish: probe.finish,
      commit: async (metadata) => {
        const writer = store.openWriter(addEndToPath(metadata.to), attempt, format, columns);
        for (const [bytes, count] of lines) await writer.writeRows(bytes, count);
        return writer.commit(metadata);
      },
      abandon: probe.abandon,
    };
  },
}));

/** Treats every result as complete. */
const trustEveryResult = (deps: HuntDeps): HuntDeps => ({
  ...deps,
  hunting: { ...deps.hunting, caps: { rows: 1e9, bytes: 1e15, roundRows: 1e9 } },
});

/** Answers every count with the number of rows that were returned. */
const countReturnedRows = (deps: HuntDeps): HuntDeps => {
  let returnedRows = 0;
  return {
    ...deps,
    hunting: {
      ...deps.hunting,
      runQuery: async (query, options, sink) => {
        if (!query.endsWith("| count")) {
          const reply = await deps.hunting.runQuery(query, options, sink);
          if (reply.kind === "answer") returnedRows = reply.rows;
          return reply;
        }
        const line = Buffer.from(`{"Count":${returnedRows}}\n`);
        await sink.writeRows(line, 1);
        return { kind: "answer", columns: [], rows: 1, bytes: line.byteLength, durationMs: 1 };
      },
    },
  };
};

/** Hides the late exports of other instances. */
const hideOtherExports = changeExports((store) => ({
  find: async (path) => (path.includes("/hl_log=late/") ? undefined : store.find(path)),
  list: async function* (prefix) {
    if (!prefix.includes("/hl_log=late/")) yield* store.list(prefix);
  },
}));

export const huntMutants = {
  "the window's end in the path": { deps: endInPath },
  "a result at the limit taken as complete": { deps: trustEveryResult },
  "a count that always agrees": { deps: countReturnedRows },
  "an unconditional overwrite": { canOverwrite: true },
  "no lag": { hunt: (hunt) => ({ ...hunt, lagMs: 0 }) },
  "no recount": { hunt: (hunt) => ({ ...hunt, settleMs: 0 }) },
  "late rows without a look at the known ones": {
    deps: changeExports(() => ({ readRows: async () => [] })),
  },
  "late exports of others not seen": { deps: hideOtherExports },
  "results not announced after a crash": {
    deps: (deps) => ({
      ...deps,
      queues: {
        send: async (queue, message, options) => {
          if (queue === "hunt-results" && JSON.stringify(message).includes('"seq":2,')) return;
          await deps.queues.send(queue, message, options);
        },
      },
    }),
  },
} as const satisfies Record<string, HuntMutant>;
