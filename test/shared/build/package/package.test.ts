import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { readPackageContents } from "../../../../shared/build/package/contents.ts";
import { listWatchedHunts } from "../../../../shared/build/package/watched-hunts.ts";
import { createZip } from "../../../../shared/build/package/zip.ts";
import type { Catalog, CompiledHunt } from "../../../../shared/contracts/compiled-hunt.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const files: Readonly<Record<string, string>> = {
  "host.json": "{}",
  "package.json":
    '{"name":"huntline","version":"1.2.3","type":"module","main":"dist/main.cjs","scripts":{"x":"y"}}',
  "local.settings.json": "{}",
  "dist/main.cjs": "exports.a = 1;",
  "dist/app.cjs": "",
  "dist/registrations.json": "{}",
  "dist/catalog.json": "[]",
  "dist/webhook-mappings.json": "{}",
  "dist/openapi.json": "{}",
  "dist/swagger.json": "{}",
  "dist/console/index.html": "<html>",
  "dist/console/main-ABC.js": "1;",
  "dist/huntline.zip": "an older one",
};

/** An app as the build leaves it, its files written in the given order and at the given time. */
function createApp(names: readonly string[], atSeconds: number): string {
  const root = mkdtempSync(join(tmpdir(), "huntline-package-"));
  folders.push(root);
  mkdirSync(join(root, "dist/console"), { recursive: true });
  for (const name of names) {
    writeFileSync(join(root, name), files[name] ?? "");
    utimesSync(join(root, name), atSeconds, atSeconds);
  }
  return root;
}

const computeSha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");
const names = Object.keys(files);

test("the same files give the same bytes, whenever and in whatever order they were written", () => {
  const one = createZip(readPackageContents(createApp(names, 1_000_000_000)));
  const other = createZip(readPackageContents(createApp(names.toReversed(), 1_700_000_000)));
  expect(computeSha256(one)).toBe(computeSha256(other));
});

test("one changed byte gives other bytes", () => {
  const root = createApp(names, 1_000_000_000);
  const before = createZip(readPackageContents(root));
  writeFileSync(join(root, "dist/main.cjs"), "exports.a = 2;");
  expect(computeSha256(createZip(readPackageContents(root)))).not.toBe(computeSha256(before));
});

test("the package holds what is run and nothing else", () => {
  const entries = readPackageContents(createApp(names, 1_000_000_000));
  expect(entries.map(({ name }) => name).toSorted()).toEqual([
    "dist/app.cjs",
    "dist/catalog.json",
    "dist/console/index.html",
    "dist/console/main-ABC.js",
    "dist/main.cjs",
    "dist/openapi.json",
    "dist/registrations.json",
    "dist/swagger.json",
    "dist/webhook-mappings.json",
    "host.json",
    "package.json",
  ]);
  const manifest = entries.find(({ name }) => name === "package.json");
  expect(JSON.parse(Buffer.from(manifest?.bytes ?? []).toString())).toEqual({
    name: "huntline",
    version: "1.2.3",
    type: "module",
    main: "dist/main.cjs",
  });
});

test("a package without a bundle is refused", () => {
  const root = createApp(
    names.filter((name) => name !== "dist/main.cjs"),
    1_000_000_000,
  );
  expect(() => readPackageContents(root)).toThrow("dist/ lacks main.cjs: run npm run build");
});

test("each entry can be read back", () => {
  const text = "abc".repeat(1_000);
  const archive = createZip([{ name: "ä/b.txt", bytes: Buffer.from(text) }]);
  const nameLength = archive.readUInt16LE(26);
  const start = 30 + nameLength;
  expect(archive.subarray(30, start).toString()).toBe("ä/b.txt");
  expect(inflateRawSync(archive.subarray(start, start + archive.readUInt32LE(18))).toString()).toBe(
    text,
  );
});

const hourMs = 3_600_000;
const createHunt = (name: string, intervalMs: number, enabled = true): CompiledHunt =>
  ({ name, intervalMs, enabled }) as CompiledHunt;

test("a hunt is overdue after three intervals, at most 47 hours; rarer than daily is left to health", () => {
  const hunts = [
    createHunt("hourly", hourMs),
    createHunt("daily", 24 * hourMs),
    createHunt("weekly", 7 * 24 * hourMs),
    createHunt("off", hourMs, false),
  ];
  const catalog: Catalog = { version: 1, hunts };
  expect(listWatchedHunts(catalog)).toEqual([
    { name: "daily", overdueAfterMinutes: 47 * 60 },
    { name: "hourly", overdueAfterMinutes: 180 },
  ]);
});
