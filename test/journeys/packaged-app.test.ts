/**
 * The package is complete: unpacked into an empty folder, the app registers every function and
 * works.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPackageContents } from "../../shared/build/package/contents.ts";
import { createZip } from "../../shared/build/package/zip.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import { startStack, postJson, type Stack } from "../support/stack.ts";

/** Unpacks what `createZip` writes, by its directory at the end. */
function unzipArchive(archive: Buffer, folder: string): void {
  const entries = archive.readUInt16LE(archive.length - 12);
  let at = archive.readUInt32LE(archive.length - 6);
  for (let i = 0; i < entries; i++) {
    const packed = archive.readUInt32LE(at + 20);
    const nameLength = archive.readUInt16LE(at + 28);
    const start = archive.readUInt32LE(at + 42) + 30 + nameLength;
    const file = join(folder, archive.subarray(at + 46, at + 46 + nameLength).toString());
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, inflateRawSync(archive.subarray(start, start + packed)));
    at += 46 + nameLength;
  }
}

let stack: Stack;
let packaged: RunningHost;
let root: string;
let archive: Buffer;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "huntline-packaged-"));
  archive = createZip(readPackageContents("."));
  unzipArchive(archive, root);
  stack = await startStack();
  packaged = await stack.startHost({ root });
});
afterAll(async () => {
  await stack.stop();
  rmSync(root, { recursive: true });
});

test("has at most 1 MB", () => {
  expect(archive.length).toBeLessThanOrEqual(1_048_576);
});

test("registers the same functions as the project, without a folder of modules", async () => {
  expect(readdirSync(root).toSorted()).toEqual(["dist", "host.json", "package.json"]);
  const project = await stack.startHost();
  expect(packaged.functions.toSorted()).toEqual(project.functions.toSorted());
  expect(packaged.refused).toEqual([]);
});

test("does its work: a hash is answered from Defender", async () => {
  const sha1 = stack.simulator.dataset.files[0]?.sha1;
  const reply = await postJson(`${packaged.url}/api/files/stats`, { sha1: [sha1] });
  expect(reply.status).toBe(200);
  expect(await reply.json()).toMatchObject({ result: { summary: { found: 1 } } });
});

test.each([
  ["health", 200],
  ["health/report", 200],
  ["hunts", 200],
  ["hunts/mass-file-rename", 200],
  ["hunts/mass-file-rename/exports?after=99", 410],
  ["hunts/mass-file-rename/exports/0/rows", 404],
  ["dead-letters", 200],
  ["openapi.json", 200],
  ["swagger.json", 200],
  ["jobs/0123456789abcdef0123456789abcdef?key=1.x", 401],
  ["alerts/verdicts/none", 404],
  [`files/${"0".repeat(40)}/stats`, 200],
])("answers at %s", async (path, status) => {
  const reply = await fetch(`${packaged.url}/api/${path}`);
  await reply.arrayBuffer();
  expect(reply.status).toBe(status);
});

test.each([
  ["hunts/mass-file-rename/runs", {}, 202],
  ["hunts/tick", {}, 200],
  ["alerts/verdicts", {}, 400],
  ["dead-letters/replay", {}, 400],
  ["webhooks/nobody", {}, 401],
])("takes what is posted to %s", async (path, body, status) => {
  const reply = await postJson(`${packaged.url}/api/${path}`, body);
  await reply.arrayBuffer();
  expect(reply.status).toBe(status);
});
