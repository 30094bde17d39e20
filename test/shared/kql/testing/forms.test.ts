/**
 * A hunt's windows give together what its whole query gives, and its shards what it gives at once.
 * `HUNTS=<folder>` adds the first 100 window hunts of a folder of public queries.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findQueries } from "../../../../shared/cli/hunts/find-queries.ts";
import type { CompiledHunt } from "../../../../shared/contracts/compiled-hunt.ts";
import { checkCatalog } from "../../../../shared/kql/compile/compile-catalog.ts";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";
import type { EvaluationContext, Row } from "../../../../shared/kql/evaluate/context.ts";
import { toKey } from "../../../../shared/kql/evaluate/values.ts";
import { runShards, runWindow } from "../../../../shared/kql/testing/evaluate-forms.ts";
import type { Span } from "../../../../shared/runtime/time.ts";
import { createRandomContext, spanOf } from "./random-rows.ts";

const catalog = join(import.meta.dirname, "../../../../shared/hunts/catalog");
const folder = process.env["HUNTS"];
const maxPublicHunts = 100;

/** Compiles the first window hunts of a folder of queries in text files. */
function compilePublicHunts(path: string): readonly CompiledHunt[] {
  const hunts: CompiledHunt[] = [];
  for (const file of readdirSync(path, { recursive: true, encoding: "utf8" }).sort()) {
    if (!/\.(?:md|txt|csl|kql)$/.test(file)) continue;
    for (const { query } of findQueries(file, readFileSync(join(path, file), "utf8"))) {
      const { hunt } = compileHunt(file, file, JSON.stringify({ name: file, query }));
      if (hunt?.mode === "window" && hunts.length < maxPublicHunts) hunts.push(hunt);
    }
  }
  return hunts;
}

const checked = checkCatalog(catalog).flatMap(({ hunt }) => (hunt ? [hunt] : []));
const windowHunts = [
  ...checked.filter(({ mode }) => mode === "window"),
  ...(folder === undefined ? [] : compilePublicHunts(folder)),
];
/** Snapshots without thresholds, so that few rows give results. */
const snapshotQueries = [
  "summarize n = count(), files = make_set(FileName) by DeviceName",
  "summarize arg_max(Timestamp, FileName, ProcessId) by DeviceName",
  "summarize dcount(ProcessId), max(Timestamp) by FileName, bin(Timestamp, 6h)",
  "distinct DeviceName, FileName",
  "where FileName in ('a', 'b') | extend n = ProcessId + 1 | summarize total = sum(n) by FileName",
];
const compileSnapshot = (pipe: string, index: number): readonly CompiledHunt[] => {
  const query = `DeviceEvents | where DeviceName in ("a", "b", "c") | ${pipe}`;
  const { hunt } = compileHunt("a.yaml", `snapshot-${index}`, JSON.stringify({ name: "a", query }));
  return hunt ? [hunt] : [];
};
const shardedHunts = [...checked, ...snapshotQueries.flatMap(compileSnapshot)].filter(
  ({ mode, query }) => mode === "snapshot" && query.shardSuffix !== undefined,
);

const sortKeys = (rows: readonly Row[]): readonly string[] => rows.map((row) => toKey(row)).sort();

/** Cuts a span at the given shares of its length. */
function cutSpan({ from, to }: Span, shares: readonly number[]): readonly Span[] {
  const cuts = shares.map((share) => from + ((to - from) * BigInt(share)) / 1_000n);
  const bounds = [from, ...cuts.sort((one, other) => (one < other ? -1 : 1)), to];
  return bounds.slice(1).map((end, index) => ({ from: bounds[index] ?? from, to: end }));
}

const runSpan = (hunt: CompiledHunt, context: EvaluationContext, span: Span): readonly Row[] =>
  runWindow(hunt, context, { pieces: hunt.query.prelude, span }).rows;

/** Counts the rows that the hunts give for four random environments each. */
const countRows = (hunts: readonly CompiledHunt[]): number =>
  hunts
    .flatMap((hunt) =>
      fc
        .sample(createRandomContext(hunt, maxRows), { numRuns: 4, seed: 18 })
        .map((context) => runSpan(hunt, context, spanOf(hunt)).length),
    )
    .reduce((total, count) => total + count, 0);

const maxRows = 60;
const options = { numRuns: 5, seed: 18 };

describe("windows", () => {
  test("hunts of the catalog are read in windows", () => {
    expect(windowHunts.length).toBeGreaterThan(10);
  });

  test.each(windowHunts)("of $name give together the rows of the whole", (hunt) => {
    const cuts = fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(createRandomContext(hunt, maxRows), cuts, (context, shares) => {
        const span = spanOf(hunt);
        const whole = runSpan(hunt, context, span);
        const parts = cutSpan(span, shares).flatMap((part) => runSpan(hunt, context, part));
        expect(sortKeys(parts)).toEqual(sortKeys(whole));
      }),
      options,
    );
  });

  test("of random rows are not empty", () => {
    expect(countRows(windowHunts)).toBeGreaterThan(2 * windowHunts.length);
  });
});

describe("shards", () => {
  test.each(shardedHunts)("of $name give together the rows of the whole", (hunt) => {
    fc.assert(
      fc.property(
        createRandomContext(hunt, maxRows),
        fc.integer({ min: 2, max: 4 }),
        (context, count) => {
          const whole = runSpan(hunt, context, spanOf(hunt));
          const inSpan = {
            ...hunt,
            lookBackMs: Number(spanOf(hunt).to - spanOf(hunt).from) / 10_000,
          };
          expect(sortKeys(runShards(inSpan, context, count) ?? [])).toEqual(sortKeys(whole));
        },
      ),
      options,
    );
  });

  test("of random rows are not empty", () => {
    expect(countRows(shardedHunts)).toBeGreaterThan(4 * shardedHunts.length);
  });
});
