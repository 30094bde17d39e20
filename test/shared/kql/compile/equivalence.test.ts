/**
 * Windows put together, and shards put together, are the whole: tried on the simulated
 * organisation.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { buildRowsQuery, buildShardQuery } from "../../../../shared/hunts/query/query-text.ts";
import type { CompiledHunt } from "../../../../shared/contracts/compiled-hunt.ts";
import { hourMs, ticksFromMs, type Span } from "../../../../shared/runtime/time.ts";
import { createDataset } from "../../../simulator/dataset/dataset.ts";
import { evaluateDataset } from "../../../simulator/hunting/evaluate-dataset.ts";

beforeAll(() => void parseQuery("print 1"), 120_000);

const dataset = createDataset({ eventsPerHour: { DeviceProcessEvents: 40, DeviceFileEvents: 25 } });
const from = ticksFromMs(Date.UTC(2026, 0, 5, 6));
const ticksOfHours = (count: number): bigint => ticksFromMs(count * hourMs);
const wholeSpan: Span = { from, to: from + ticksOfHours(3) };
/** Uneven, one of them a single tick. */
const windows: readonly Span[] = [
  { from, to: from + ticksOfHours(1) + 1_234_567n },
  { from: from + ticksOfHours(1) + 1_234_567n, to: from + ticksOfHours(1) + 1_234_568n },
  { from: from + ticksOfHours(1) + 1_234_568n, to: wholeSpan.to },
];

function compileQuery(query: string): CompiledHunt {
  const { hunt, problems } = compileHunt(
    "a.yaml",
    "a-hunt",
    JSON.stringify({ query, lookBack: "3h" }),
  );
  if (!hunt) throw new Error(`${query}\n${JSON.stringify(problems)}`);
  return hunt;
}

/** The rows as a multiset of texts. */
function runQuery(text: string | undefined): readonly string[] {
  if (text === undefined) throw new Error("no query");
  const result = evaluateDataset(text, dataset, {
    now: wholeSpan.to,
    visibleAt: wholeSpan.to + ticksOfHours(24),
  });
  if ("refusedBy" in result) throw new Error(`${result.message}\n${text}`);
  const writeBigint = (_: string, value: unknown): unknown =>
    typeof value === "bigint" ? `${value}n` : value;
  return [...result.rows].map((row) => JSON.stringify(row, writeBigint)).sort();
}

const runSpan = (
  hunt: CompiledHunt,
  span: Span,
  form: "prelude" | "inPlace" = "prelude",
): readonly string[] => runQuery(buildRowsQuery(hunt, form, { ...span, clock: span.to }));

const runShards = (hunt: CompiledHunt, shards: number): readonly string[] =>
  Array.from({ length: shards }, (_, shard) =>
    runQuery(
      buildShardQuery(hunt, "prelude", { ...wholeSpan, clock: wholeSpan.to }, { shard, shards }),
    ),
  )
    .flat()
    .sort();

/** Steps that look at one row, with names the sources have. */
const steps = [
  '| where FileName endswith "e"',
  "| where Timestamp > ago(4h)",
  "| where Timestamp between (ago(5h) .. now()) and isnotempty(DeviceName)",
  "| extend Length = strlen(FolderPath), Day = startofday(Timestamp)",
  '| extend Parts = split(FolderPath, "\\\\") | mv-expand Part = Parts to typeof(string)',
  '| extend Kind = case(FileName has "power", "shell", FileName has "svc", "service", "other")',
  '| parse FolderPath with Drive: string ":" Rest: string',
  "| union (DeviceFileEvents | where FileSize > 100)",
  '| lookup (datatable(FileName: string, Why: string) ["svchost.exe", "a", "chrome.exe", "b"]) on FileName',
  '| where FileName !in~ ("cmd.exe", "net.exe")',
  "| project-away MD5",
  "| sort by Timestamp desc",
];
const sources = [
  "DeviceProcessEvents",
  "DeviceFileEvents",
  "let T = DeviceProcessEvents | where FileName != ''; T",
];
const ends = [
  "",
  "| project Timestamp, DeviceName, FileName",
  "| project FileName, DeviceName",
  "| render table",
];

describe("a row-wise query", () => {
  const queries = fc
    .record({
      source: fc.constantFrom(...sources),
      steps: fc.subarray(steps, { minLength: 1, maxLength: 4 }),
      end: fc.constantFrom(...ends),
    })
    .map((parts) => [parts.source, ...parts.steps, parts.end].join("\n"));

  test("gives the same rows in windows, in shards and as a whole", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(queries, (query) => {
        const hunt = compileQuery(query);
        expect(hunt).toMatchObject({ mode: "window", query: { shardedBy: "whole row" } });
        const all = runSpan(hunt, wholeSpan);
        expect(runSpan(hunt, wholeSpan, "inPlace")).toEqual(all);
        expect(windows.flatMap((span) => runSpan(hunt, span)).sort()).toEqual(all);
        expect(runShards(hunt, 3)).toEqual(all);
      }),
      { numRuns: 8, seed: 20_260_105 },
    );
  });

  test("keeps equal rows in one shard, all of them", () => {
    const hunt = compileQuery("DeviceProcessEvents | project FileName");
    const all = runSpan(hunt, wholeSpan);
    expect(new Set(all).size).toBeLessThan(all.length);
    expect(runShards(hunt, 4)).toEqual(all);
  });
});

test.each([
  "DeviceProcessEvents | summarize Count = count(), First = min(Timestamp) by DeviceName, FileName",
  "DeviceFileEvents | distinct DeviceName, FileName | extend Length = strlen(FileName)",
  "DeviceProcessEvents | summarize Count = count() by DeviceName, Hour = bin(Timestamp, 1h) | where Count > 1 | project Hour, Name = DeviceName, Count",
])("a snapshot gives the same rows in shards and as a whole: %s", (query) => {
  const hunt = compileQuery(query);
  const all = runSpan(hunt, wholeSpan);
  expect(hunt.mode).toBe("snapshot");
  expect(all.length).toBeGreaterThan(5);
  expect(runShards(hunt, 3)).toEqual(all);
});

test("a query that is refused windows would indeed change in them", () => {
  const hunt = compileQuery("DeviceProcessEvents | summarize Count = count() by FileName");
  const all = runSpan(hunt, wholeSpan);
  expect(windows.flatMap((span) => runSpan(hunt, span)).sort()).not.toEqual(all);
});
