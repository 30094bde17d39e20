/** Runs the examples of infra/README.md for reading exports on an export of the app's format. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { locateBackfillLog, locateLateLog, locateWindowLog } from "../../shared/hunts/log/paths.ts";
import { createEncoder } from "../../shared/rows/formats.ts";
import { parseInstant, startOfDay } from "../../shared/runtime/time.ts";

const rows = [
  {
    Timestamp: "2026-01-05T06:38:35.7664356Z",
    DeviceName: "ws-017",
    FileName: "cmd.exe",
    ReportId: 7,
  },
  {
    Timestamp: "2026-01-05T06:39:00.0000000Z",
    DeviceName: "ws-018",
    FileName: "mshta.exe",
    ReportId: 8,
  },
];
const folder = mkdtempSync(join(tmpdir(), "huntline-exports-"));
const span = {
  from: parseInstant("2026-01-05T06:00:00Z") ?? 0n,
  to: parseInstant("2026-01-05T07:00:00Z") ?? 0n,
};
const place = { tenant: "default", hunt: "office-starts-script-host", version: 1 };
const otherPlace = { tenant: "contoso", hunt: "finds-names", version: 12 };
const mainPath = locateWindowLog(place, "ndjson").pathOf(0, span.from);

/** Writes an export in the app's own format. */
async function writeExport(path: string, exported: readonly object[]): Promise<void> {
  const pieces: Uint8Array[] = [];
  const encoder = await createEncoder(
    "ndjson",
    [],
    async (piece) => void pieces.push(piece.slice()),
  );
  await encoder.write(Buffer.from(exported.map((row) => `${JSON.stringify(row)}\n`).join("")));
  await encoder.finish();
  const file = join(folder, "exports", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat(pieces));
}

beforeAll(async () => {
  await writeExport(mainPath, rows);
  const [first] = rows;
  await writeExport(locateLateLog(place, startOfDay(span.from), "ndjson").pathOf(0, span.from), [
    { ...first, DeviceName: "ws-late" },
  ]);
  await writeExport(locateBackfillLog(place, span, "ndjson").pathOf(0, span.from), rows);
  await writeExport(locateWindowLog(otherPlace, "ndjson").pathOf(3, span.from), [
    { DeviceName: "ws-020", Version: "10.1", Date: "yesterday", Tenant: "a resource" },
  ]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Returns the only block of a language in infra/README.md with a word. */
function readCodeBlock(language: string, word = "exports/"): string {
  const blocks = [
    ...readFileSync("infra/README.md", "utf8").matchAll(
      new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"),
    ),
  ].flatMap(([, block = ""]) => (block.includes(word) ? [block] : []));
  expect(blocks).toHaveLength(1);
  return blocks[0] ?? "";
}

function hasProgram(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const runProgram = (program: string, text: string): string =>
  execFileSync(program, ["-c", text], { cwd: folder, encoding: "utf8" });

test.runIf(hasProgram("jq"))("zcat and jq print the selected columns", () => {
  expect(runProgram("bash", readCodeBlock("bash"))).toBe(
    rows.map((row) => `${row.Timestamp}\t${row.DeviceName}\t${row.FileName}\n`).join(""),
  );
});

test.runIf(hasProgram("python3"))("Python reads every row", () => {
  expect(runProgram("python3", readCodeBlock("python"))).toBe("2 rows, the last one on ws-018\n");
});

async function queryDuckDb(statement: string): Promise<unknown[]> {
  const connection = await (await DuckDBInstance.create()).connect();
  const reader = await connection.runAndReadAll(
    statement.replaceAll("'exports/", `'${folder}/exports/`),
  );
  return reader.getRowObjectsJson();
}

test("DuckDB reads the parts of the path as columns, without the backfill", async () => {
  const key = { hl_tenant: "default", hl_hunt: place.hunt, hl_version: "1", hl_date: "2026-01-05" };
  expect(await queryDuckDb(readCodeBlock("sql"))).toEqual([
    {
      ...key,
      hl_tenant: "contoso",
      hl_hunt: "finds-names",
      hl_version: "12",
      DeviceName: "ws-020",
      found: "1",
    },
    { ...key, DeviceName: "ws-017", found: "1" },
    { ...key, DeviceName: "ws-018", found: "1" },
    { ...key, DeviceName: "ws-late", found: "1" },
  ]);
});

test("DuckDB keeps columns of a row that are named Version, Date and Tenant", async () => {
  const files =
    "read_ndjson_auto('exports/**/*.ndjson.gz', hive_partitioning = true, union_by_name = true)";
  expect(
    await queryDuckDb(
      `SELECT Version, Date, Tenant, hl_version FROM ${files} WHERE Tenant IS NOT NULL`,
    ),
  ).toEqual([{ Version: "10.1", Date: "yesterday", Tenant: "a resource", hl_version: "12" }]);
});

test("the path format for Data Explorer fits the path of an export", () => {
  const pathFormat =
    /pathformat = \(([^]*?)\)\n/.exec(readCodeBlock("kusto", "pathformat"))?.[1] ?? "";
  const words = pathFormat.match(/datetime_pattern\([^)]*\)?|"[^"]*"|\w+/g) ?? [];
  const pattern = words
    .map((word) =>
      word.startsWith('"')
        ? word.slice(1, -1)
        : word.startsWith("datetime")
          ? "\\d{4}-\\d\\d-\\d\\d"
          : "[^/]+",
    )
    .join("");
  expect(mainPath).toMatch(new RegExp(`^${pattern}/\\d{12}\\.ndjson\\.gz$`));
});
