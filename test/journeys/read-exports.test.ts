/** Runs the examples of infra/README.md for reading exports on an export of the app's format. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEncoder } from "../../shared/rows/formats.ts";

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
const path = join(folder, "exports/office-starts-script-host/v1/2026/01/05/000000000000.ndjson.gz");

beforeAll(async () => {
  const pieces: Uint8Array[] = [];
  const encoder = await createEncoder(
    "ndjson",
    [],
    async (piece) => void pieces.push(piece.slice()),
  );
  await encoder.write(Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join("")));
  await encoder.finish();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat(pieces));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Returns the only block of a language in infra/README.md that reads exports. */
function readCodeBlock(language: string): string {
  const blocks = [
    ...readFileSync("infra/README.md", "utf8").matchAll(
      new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"),
    ),
  ].flatMap(([, block = ""]) => (block.includes("exports/") ? [block] : []));
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
