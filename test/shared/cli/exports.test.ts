import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createExportStore } from "../../../shared/clients/exports.ts";
import { createStorageClients } from "../../../shared/clients/storage.ts";
import { UsageError } from "../../../shared/cli/command-line.ts";
import { runExports, type ExportFiles } from "../../../shared/cli/exports/run.ts";
import { createOutput } from "../../../shared/cli/output.ts";
import { claimFreshAccount } from "../../support/storage-account.ts";

const folder = mkdtempSync(join(tmpdir(), "huntline-exports-"));
let files: ExportFiles;

/** Commits an export of the hunt `find-things`. */
async function writeExport(seq: number, lines: readonly string[]): Promise<void> {
  const path = `hl_tenant=default/hl_hunt=find-things/hl_version=1/hl_log=main/hl_date=2026-01-0${seq + 1}/${String(seq).padStart(12, "0")}.ndjson.gz`;
  const columns = [{ name: "FileName", type: "string" }] as const;
  const writer = files.store.openWriter(path, "one", "ndjson", columns);
  await writer.writeRows(Buffer.from(lines.map((line) => `${line}\n`).join("")), lines.length);
  const digest = await writer.finish();
  await writer.commit({
    seq,
    from: `2026-01-0${seq + 1}T00:00:00.0000000Z`,
    to: `2026-01-0${seq + 2}T00:00:00.0000000Z`,
    rows: lines.length,
    rawbytes: digest.rawbytes,
    substituted: 0,
    sha256: digest.sha256,
    schemahash: "b".repeat(64),
    queryhash: "c".repeat(64),
    mode: "window",
    attempt: "one",
    prev: "",
    complete: "yes",
  });
}

beforeAll(async () => {
  const { blobs } = await createStorageClients({
    kind: "connection-string",
    value: claimFreshAccount(),
  });
  const container = blobs.getContainerClient("exports");
  files = {
    store: createExportStore(container),
    download: async (path, file) => {
      const { mkdir } = await import("node:fs/promises");
      await mkdir(join(file, ".."), { recursive: true });
      await container.getBlobClient(path).downloadToFile(file);
    },
  };
  await writeExport(0, ['{"FileName":"a.exe"}', '{"FileName":"=b.exe"}']);
  await writeExport(1, ['{"FileName":"c.exe"}']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface CommandResult {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: string;
}

async function runCommand(...words: string[]): Promise<CommandResult> {
  let [out, err] = ["", ""];
  const output = createOutput(
    { write: (text) => (out += text) },
    { write: (text) => (err += text) },
  );
  const code = await runExports(words, {
    output,
    isTerminal: true,
    openExports: async () => files,
  }).catch((error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    err += error.message;
    return 2;
  });
  return { code, out: out.trimEnd().split("\n"), err };
}

describe("npm run exports", () => {
  test("lists the hunts, and the exports of one with their rows", async () => {
    expect((await runCommand("list")).out).toEqual(["find-things"]);
    const { out } = await runCommand("list", "find-things");
    expect(out[0]).toMatch(/^seq +from +to +rows +complete +blob$/);
    expect(out[1]).toMatch(
      /^0 +2026-01-01T00:00:00\.0000000Z .* 2 +yes +hl_tenant=default\/hl_hunt=find-things\/hl_version=1\//,
    );
    expect(out.at(-1)).toBe("2 exports, 3 rows.");
  });

  test("shows the newest rows as a table, as JSON lines and as CSV", async () => {
    expect((await runCommand("show", "find-things", "--top", "2")).out).toEqual([
      "FileName",
      "=b.exe",
      "c.exe",
    ]);
    expect((await runCommand("show", "find-things", "--format", "json")).out).toEqual([
      '{"FileName":"a.exe"}',
      '{"FileName":"=b.exe"}',
      '{"FileName":"c.exe"}',
    ]);
    expect((await runCommand("show", "find-things", "--format", "csv")).out).toEqual([
      "FileName",
      "a.exe",
      "'=b.exe",
      "c.exe",
    ]);
  });

  test("downloads each blob to the container's path", async () => {
    const { out } = await runCommand("download", "find-things", "--into", folder);
    expect(out).toEqual([`Downloaded 2 exports to ${folder}.`]);
    const [name = ""] = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".gz"))
      .toSorted();
    expect(gunzipSync(readFileSync(join(folder, name))).toString()).toBe(
      '{"FileName":"a.exe"}\n{"FileName":"=b.exe"}\n',
    );
  });

  test("suggests the nearest hunt for one without exports", async () => {
    expect(await runCommand("show", "find-thing")).toMatchObject({
      code: 1,
      err: expect.stringContaining('Did you mean "find-things"?') as string,
    });
  });

  test.each([
    [["lst"], 'Unknown command "lst". Did you mean "list"?'],
    [["show"], "exports show requires a hunt."],
    [["show", "find-things", "--top", "0"], "--top must be a whole number of at least 1."],
    [["show", "find-things", "--format", "xml"], "--format must be one of table, json, csv."],
    [["download", "find-things", "now"], 'Unexpected "now".'],
  ])("refuses the command line %j", async (words, message) => {
    const { code, err } = await runCommand(...words);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
