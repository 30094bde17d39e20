import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ContainerClient } from "@azure/storage-blob";
import { DuckDBInstance } from "@duckdb/node-api";
import { tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { readParquet } from "parquet-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createExportStore } from "../../../shared/clients/exports.ts";
import { createStorageClients } from "../../../shared/clients/storage.ts";
import type { HuntColumn } from "../../../shared/contracts/compiled-hunt.ts";
import { huntPrefix } from "../../../shared/hunts/log/paths.ts";
import { handleRunMessage } from "../../../shared/hunts/run/handle-run-message.ts";
import { formatInstant, hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import { createRunMessage, huntHarness, noonMs } from "../../support/hunt-harness.ts";
import { sourceRow, testHunt, type SourceRow } from "../../support/hunt-source.ts";
import { createGraphPort, createSourceTransport } from "../../support/hunting-service.ts";
import { claimFreshAccount } from "../../support/storage-account.ts";

const jqProgram = "jq";

/**
 * Whole exports on Azurite with late rows among random ones, judged by readers that know nothing of
 * Huntline.
 */
const folder = mkdtempSync(join(tmpdir(), "late-rows-"));
let container: ContainerClient;
let database: DuckDBInstance;

beforeAll(async () => {
  const connection = { kind: "connection-string", value: claimFreshAccount() } as const;
  container = (await createStorageClients(connection)).blobs.getContainerClient("exports");
  database = await DuckDBInstance.create(":memory:");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const quoted = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  text.map((value) => JSON.stringify(value));
const bare = (...values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);

/** Text with controls, formula starts, separators and unpaired surrogates. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom("\ud83d", "\udc00", "=", "'", ";", "\r\n", '"', "\u0000"),
        fc.string(),
      ),
    )
    .map((parts) => parts.join("")),
);
const anyInstant = fc
  .record({
    date: fc.date({
      noInvalidDate: true,
      min: new Date(-62_135_596_800_000),
      max: new Date(253_402_300_799_999),
    }),
    digits: fc.stringMatching(/^(?:\.\d{1,7})?$/),
  })
  .map(({ date, digits }) => `${date.toISOString().slice(0, 19)}${digits}Z`);

/** JSON texts of a value of each type: usual, extreme and malformed ones. */
const valuesByType: Readonly<Record<HuntColumn["type"], fc.Arbitrary<string>>> = {
  string: quoted(anyText),
  long: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    bare('"7"', '"seven"', "9223372036854775808"),
  ),
  int: fc.oneof(fc.integer().map(String), bare("2147483648", '""', "true")),
  real: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    bare("1E-07", "1E+20", "4.0", "-0.0", '"NaN"', '"INF"', '"-INF"', '"x"'),
  ),
  bool: bare("true", "false", "0", "1", '"true"', '"maybe"'),
  datetime: fc.oneof(
    quoted(anyInstant),
    bare('"9999-12-31T00:00:00Z"', '"1601-01-01T00:00:00Z"', '"never"', '""'),
  ),
  timespan: bare('"1.02:03:04.5678901"', '"-00:00:01"', '"PT1M30.5S"', '"soon"'),
  guid: fc.oneof(quoted(fc.uuid()), bare('"no guid"')),
  decimal: fc.oneof(
    fc.bigInt({ min: -(10n ** 28n), max: 10n ** 28n }).map((value) => `${value}.25`),
    bare("1E+3", '"0.10"', '"x"'),
  ),
  dynamic: fc.oneof(
    fc.json({ maxDepth: 2, stringUnit: "binary" }),
    quoted(fc.json({ maxDepth: 1 })),
    bare("{}", '{"s":"\\ud83d"}', "12345678901234567890", '"{"'),
  ),
};
const types = Object.keys(valuesByType) as HuntColumn["type"][];
const columns: readonly HuntColumn[] = [
  { name: "Timestamp", type: "datetime" },
  { name: "Id", type: "string" },
  ...types.map((type): HuntColumn => ({ name: `C_${type}`, type })),
];
/** The members of one row after its time and id. */
const members = fc
  .tuple(...types.map((type) => fc.option(valuesByType[type], { nil: "null", freq: 6 })))
  .map((values) => values.map((value, at) => `"C_${types[at]}":${value}`).join(","));

/** Rows in time, late rows, and late rows that equal one in time. */
const scenario = fc.record({
  inTime: fc.array(members, { minLength: 3, maxLength: 8 }),
  late: fc.array(members, { minLength: 1, maxLength: 2 }),
  twins: fc.nat(1),
});

let hunts = 0;

/** Exports the rows, then the late ones, and returns the files with their ids. */
async function exportScenario(
  format: "ndjson" | "csv" | "parquet",
  { inTime, late, twins }: typeof scenario extends fc.Arbitrary<infer T> ? T : never,
) {
  hunts += 1;
  const hunt = testHunt({ name: `hunt-${hunts}`, format, columns });
  const harness = huntHarness();
  const { clock, source } = harness;
  const bodies = new Map<string, string>();
  const createRow = (id: string, body: string, arrivesMs: number): SourceRow => {
    bodies.set(id, body);
    return { ...sourceRow(noonMs - hourMs - bodies.size * minuteMs, id), arrivesMs };
  };
  Object.assign(source, {
    columns,
    toLine: ({ at, id }: SourceRow) =>
      `{"Timestamp":"${formatInstant(at)}","Id":"${id}",${bodies.get(id)}}`,
  });
  const transport = createSourceTransport(source, () => "first");
  harness.deps = {
    ...harness.deps,
    hunting: { ...createGraphPort({ clock, transport }), caps: source.caps },
    exports: {
      ...createExportStore(container),
      serverNowMs: async () => clock.now(),
    },
  };
  const rows = inTime.map((body, at) => createRow(`r${at}`, body, 0));
  source.rows.push(...rows);
  const run = () =>
    handleRunMessage(harness.deps, hunt, { ...createRunMessage(harness), hunt: hunt.name });
  expect(await run()).toBe("done");
  const lateRows = [
    ...late.map((body, at) => createRow(`late${at}`, body, clock.now())),
    ...rows.slice(0, twins).map((row) => ({ ...row, arrivesMs: clock.now() })),
  ];
  source.rows.push(...lateRows);
  for (let hour = 0; hour < 2; hour += 1) {
    await clock.advance(hourMs);
    expect(await run()).toBe("done");
  }
  const files = await downloadExports(harness.deps.exports, hunt.name);
  const toIds = (list: readonly SourceRow[]): string[] => list.map(({ id }) => id).toSorted();
  return { ...files, expectedMain: toIds(rows), expectedLate: toIds(lateRows) };
}

async function downloadExports(store: ReturnType<typeof createExportStore>, hunt: string) {
  const [main, late]: [string[], string[]] = [[], []];
  let substituted = { main: 0, late: 0 };
  for await (const { path, metadata } of store.list(huntPrefix({ tenant: "default", hunt }))) {
    if (metadata.rows === 0) continue;
    const file = join(folder, path.replaceAll("/", "_"));
    writeFileSync(file, await container.getBlobClient(path).downloadToBuffer());
    const log = path.includes("/hl_log=late/") ? "late" : "main";
    (log === "late" ? late : main).push(file);
    substituted = { ...substituted, [log]: substituted[log] + metadata.substituted };
  }
  return { main, late, substituted };
}

/** Quotes are named for CSV: of values such as `'-1` DuckDB concludes that `'` escapes. */
const readers = {
  ndjson: (files: string) => `read_ndjson_auto(${files}, union_by_name = true)`,
  csv: (files: string) => `read_csv(${files}, union_by_name = true, quote = '"', escape = '"')`,
  parquet: (files: string) => `read_parquet(${files}, union_by_name = true)`,
} as const;

async function readIdsByDuckDb(
  format: keyof typeof readers,
  paths: readonly string[],
): Promise<string[]> {
  const connection = await database.connect();
  const list = paths.map((path) => `'${path}'`).join(", ");
  const reader = await connection.runAndReadAll(
    `SELECT Id::VARCHAR AS Id, * FROM ${readers[format](`[${list}]`)}`,
  );
  return reader.getRows().map(([id]) => (typeof id === "string" ? id : ""));
}

function readIdsByArrow(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const stream = readParquet(new Uint8Array(readFileSync(path))).intoIPCStream();
    const table = tableFromIPC(stream);
    for (const { name } of table.schema.fields) table.getChild(name)?.toArray();
    return Array.from(table.getChild("Id") ?? [], String);
  });
}

const readIdsByJq = (paths: readonly string[]): string[] =>
  paths.flatMap((path) => {
    const input = gunzipSync(readFileSync(path));
    const output = execFileSync(jqProgram, ["-r", ".Id"], { input, encoding: "utf8" });
    return output.split("\n").slice(0, -1);
  });

const hasJq = ((): boolean => {
  try {
    execFileSync(jqProgram, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** Exports of one property; a schedule takes some twenty storage calls. */
const numRuns = 15;

describe("exports with random rows of all types", () => {
  test.each(["ndjson", "csv", "parquet"] as const)(
    "hold exactly the late rows apart, for every reader (%s)",
    async (format) => {
      await fc.assert(
        fc.asyncProperty(scenario, async (rows) => {
          const { main, late, expectedMain, expectedLate } = await exportScenario(format, rows);
          const readBy: ((paths: readonly string[]) => Promise<string[]> | string[])[] = [
            (paths) => readIdsByDuckDb(format, paths),
            ...(format === "parquet" ? [readIdsByArrow] : []),
            ...(format === "ndjson" && hasJq ? [readIdsByJq] : []),
          ];
          for (const readIds of readBy) {
            expect((await readIds(main)).toSorted()).toEqual(expectedMain);
            expect((await readIds(late)).toSorted()).toEqual(expectedLate);
          }
        }),
        { numRuns },
      );
    },
    120_000,
  );

  test.each(["ndjson", "csv", "parquet"] as const)(
    "count the substitutes of late rows in the late export (%s)",
    async (format) => {
      const body = '"C_string":"a \\ud83d and \\udc00"';
      const { substituted } = await exportScenario(format, {
        inTime: [body, '"C_string":"plain"'],
        late: ['"C_string":"one \\ud83d"', '"C_string":"none"'],
        twins: 0,
      });
      expect(substituted).toEqual({ main: 2, late: 1 });
    },
  );
});
