import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { captureCase } from "../../../../shared/cli/hunts/capture.ts";
import { readRowsFile } from "../../../../shared/cli/hunts/rows-file.ts";
import { testHunts } from "../../../../shared/cli/hunts/test.ts";
import { createOutput } from "../../../../shared/cli/output.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { createCsvEncoder } from "../../../../shared/rows/csv.ts";
import { createParquetEncoder } from "../../../../shared/rows/parquet.ts";

beforeAll(() => void parseQuery("print 1"), 120_000);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "huntline-capture-"));
  mkdirSync(join(folder, "catalog"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const huntFile = (): string => join(folder, "catalog", "starts-mshta.yaml");

const hunt = `# keeps its comments
query: |
  DeviceProcessEvents
  | where FileName =~ "mshta.exe"
  | project Timestamp, DeviceName, ProcessId
enabled: false
`;

const rows = [
  {
    Timestamp: "2026-02-03T04:05:06.1234567Z",
    DeviceName: "pc1",
    FileName: "mshta.exe",
    ProcessId: 7,
    MachineColor: "red",
  },
  { Timestamp: "2026-02-03T04:00:00Z", DeviceName: "pc2", FileName: "cmd.exe", AccountName: "" },
];

interface CaptureOptions {
  readonly content?: string;
  readonly table?: string;
  readonly file?: string;
}

async function capture({
  content = JSON.stringify(rows),
  table,
  file = "rows.json",
}: CaptureOptions = {}): Promise<{ readonly code: number; readonly out: string }> {
  const path = join(folder, file);
  writeFileSync(path, content);
  let out = "";
  const stream = { write: (part: string) => (out += part) };
  const request = {
    folder: join(folder, "catalog"),
    hunt: "starts-mshta",
    rows: path,
    table,
    name: "finds a real row",
    top: 20,
  };
  const code = await captureCase(request, createOutput(stream, stream));
  return { code, out };
}

async function countPassed(): Promise<string> {
  let out = "";
  const stream = { write: (part: string) => (out += part) };
  const request = {
    folder: join(folder, "catalog"),
    names: [],
    junit: undefined,
    showsTrace: false,
  };
  await testHunts(request, createOutput(stream, stream));
  return out;
}

describe("npm run hunts -- capture", () => {
  test("writes a case that passes and leaves the rest of the file as it is", async () => {
    writeFileSync(huntFile(), hunt);
    const { code, out } = await capture();
    expect(code).toBe(0);
    expect(out).toContain("Wrote a case with 2 rows of DeviceProcessEvents and 1 expected row to");
    expect(out).toContain(
      "Left out, because DeviceProcessEvents does not have them: MachineColor.",
    );
    const text = readFileSync(huntFile(), "utf8");
    expect(text.startsWith(`${hunt}tests:\n  - name: finds a real row\n`)).toBe(true);
    expect(text).toContain("ProcessId: 7");
    expect(text).not.toContain("AccountName");
    expect(await countPassed()).toContain("1 test passed, 0 failed.");
  });

  test("adds the case after the others, before the keys that follow them", async () => {
    writeFileSync(
      huntFile(),
      `${hunt}tests:\n- name: is silent\n  rows: {}\n  expect: [] # none\nowner: blue team\n`,
    );
    expect((await capture()).code).toBe(0);
    const text = readFileSync(huntFile(), "utf8");
    expect(text).toMatch(
      /expect: \[\] # none\n- name: finds a real row\n[\s\S]*\nowner: blue team\n$/,
    );
    expect(await countPassed()).toContain("2 tests passed, 0 failed.");
  });

  test("names the columns that may be missing when the query returns no row", async () => {
    writeFileSync(huntFile(), hunt);
    const { code, out } = await capture({ content: '[{"DeviceName": "pc1"}]' });
    expect(code).toBe(0);
    expect(out).toContain("The query returns no row. The file has no Timestamp,");
  });

  test.each([
    ["a table that the hunt does not read", { table: "EmailEvents" }, "--table must be one of"],
    ["a file of another kind", { file: "rows.xlsx" }, "must be a .json, .ndjson, .csv or .parquet"],
    ["a file without rows", { content: '"text"' }, "/rows: must be a list of objects"],
  ])("refuses %s", async (_, options, message) => {
    writeFileSync(huntFile(), hunt);
    const { out } = await capture(options).catch((error: unknown) => ({ out: String(error) }));
    expect(out).toContain(message);
    expect(readFileSync(huntFile(), "utf8")).toBe(hunt);
  });
});

describe("files of rows", () => {
  const columns = [
    { name: "Id", type: "long" },
    { name: "At", type: "datetime" },
    { name: "Text", type: "string" },
    { name: "Bag", type: "dynamic" },
  ] as const;
  const line =
    '{"Id":9007199254740993,"At":"2026-01-02T03:04:05.1234567Z","Text":"=a","Bag":{"b":[1]}}\n';

  async function encode(
    create: typeof createCsvEncoder | typeof createParquetEncoder,
  ): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    const encoder = create(columns, async (part) => void parts.push(part));
    await encoder.write(Buffer.from(line));
    await encoder.finish();
    return Buffer.concat(parts);
  }

  test.each([
    ["export.parquet", async () => encode(createParquetEncoder)],
    ["export.ndjson.gz", async () => gzipSync(line)],
  ])("gives the rows of %s exactly", async (name, create) => {
    writeFileSync(join(folder, name), await create());
    expect(await readRowsFile(join(folder, name), name)).toEqual([
      {
        Id: 9_007_199_254_740_993n,
        At: "2026-01-02T03:04:05.1234567Z",
        Text: "=a",
        Bag: { b: [1] },
      },
    ]);
  });

  test("gives the texts of a CSV export without the marks for spreadsheets", async () => {
    writeFileSync(join(folder, "export.csv.gz"), await encode(createCsvEncoder));
    expect(await readRowsFile(join(folder, "export.csv.gz"), "export.csv.gz")).toEqual([
      {
        Id: "9007199254740993",
        At: "2026-01-02T03:04:05.1234567Z",
        Text: "=a",
        Bag: '{"b":[1]}',
      },
    ]);
  });

  test("gives the rows of another writer's Parquet file", async () => {
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: "DeviceName", data: ["pc1", "pc2"], type: "STRING" },
        { name: "ProcessId", data: [1n, 2n], type: "INT64" },
        { name: "Timestamp", data: [new Date(0), new Date(1_000)], type: "TIMESTAMP" },
      ],
    });
    writeFileSync(join(folder, "rows.parquet"), Buffer.from(buffer));
    expect(await readRowsFile(join(folder, "rows.parquet"), "rows.parquet")).toEqual([
      { DeviceName: "pc1", ProcessId: 1n, Timestamp: "1970-01-01T00:00:00.000Z" },
      { DeviceName: "pc2", ProcessId: 2n, Timestamp: "1970-01-01T00:00:01.000Z" },
    ]);
  });

  test("names the file that cannot be read", async () => {
    writeFileSync(join(folder, "rows.parquet"), "no parquet");
    await expect(readRowsFile(join(folder, "rows.parquet"), "rows.parquet")).rejects.toThrow(
      "/rows: rows.parquet cannot be read:",
    );
  });
});
