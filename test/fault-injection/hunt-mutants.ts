/** Broken variants of the hunts room. The model is only worth what it catches: each of these must turn it red. */
import type { ExportStore, HuntPorts } from "../../shared/hunts/ports.ts";
import type { Mutant } from "./hunt-model.ts";

const withExports =
  (change: (store: ExportStore) => Partial<ExportStore>) =>
  (ports: HuntPorts): HuntPorts => ({
    ...ports,
    exports: { ...ports.exports, ...change(ports.exports) },
  });

/** The window's end becomes part of the path, so that two runners with different clocks never meet. */
const endInPath = withExports((store) => ({
  find: async (path) => {
    for await (const found of store.list(path.slice(0, -".ndjson.gz".length))) return found;
    return undefined;
  },
  open: (path, attempt, format, columns) => {
    const named = (to: string): string =>
      path.replace(".ndjson.gz", `-${to.replaceAll(/\D/g, "")}.ndjson.gz`);
    const lines: [Uint8Array, number][] = [];
    const probe = store.open(path, attempt, format, columns);
    return {
      write: async (bytes, count) => {
        lines.push([bytes.slice(), count]);
        await probe.write(bytes, count);
      },
      finish: probe.finish,
      commit: async (metadata) => {
        const writer = store.open(named(metadata.to), attempt, format, columns);
        for (const [bytes, count] of lines) await writer.write(bytes, count);
        return writer.commit(metadata);
      },
      abandon: probe.abandon,
    };
  },
}));

/** Whatever came is taken for all there is. */
const trustsEveryResult = (ports: HuntPorts): HuntPorts => ({
  ...ports,
  hunting: { ...ports.hunting, caps: { rows: 1e9, bytes: 1e15, roundRows: 1e9 } },
});

/** The count that proves a result complete always agrees. */
const countsWhatCame = (ports: HuntPorts): HuntPorts => {
  let came = 0;
  return {
    ...ports,
    hunting: {
      ...ports.hunting,
      run: async (query, options, sink) => {
        if (!query.endsWith("| count")) {
          const reply = await ports.hunting.run(query, options, sink);
          if (reply.kind === "answer") came = reply.rows;
          return reply;
        }
        const line = Buffer.from(`{"Count":${came}}\n`);
        await sink.rows(line, 1);
        return { kind: "answer", columns: [], rows: 1, bytes: line.byteLength, durationMs: 1 };
      },
    },
  };
};

/** A lost answer of a commit is taken for a failure that left nothing: the records of others are not looked for. */
const seesNoOthers = withExports((store) => ({
  find: async (path) => (path.includes("/late/") ? undefined : store.find(path)),
}));

export const huntMutants = {
  "the window's end in the path": { ports: endInPath },
  "a result at the limit taken as complete": { ports: trustsEveryResult },
  "a count that always agrees": { ports: countsWhatCame },
  "an unconditional overwrite": { overwrites: true },
  "no lag": { hunt: (hunt) => ({ ...hunt, lagMs: 0 }) },
  "no recount": { hunt: (hunt) => ({ ...hunt, settleMs: 0 }) },
  "late rows without a look at the known ones": {
    ports: withExports(() => ({ rows: async () => [] })),
  },
  "late exports of others not seen": { ports: seesNoOthers },
  "results not announced after a crash": {
    ports: (ports) => ({
      ...ports,
      queues: {
        send: async (queue, message, options) => {
          if (queue === "hunt-results" && JSON.stringify(message).includes('"seq":2,')) return;
          await ports.queues.send(queue, message, options);
        },
      },
    }),
  },
} as const satisfies Record<string, Mutant>;
