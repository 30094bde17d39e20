/**
 * `npm run measure:hashes -- <list.json> <folder>`: compares the file hashes that Huntline finds in
 * a folder of public payloads with a list that was read by hand. Exits with 1 below a goal.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import YAML from "yaml";
import * as z from "zod";
import { wideLimits, type ParsedBody } from "../../../shared/contracts/parsed-body.ts";
import { findHashes } from "../../../shared/files/hashes.ts";
import { findHashKind } from "../../../shared/files/hash-runs.ts";

const listSchema = z.strictObject({
  repository: z.url(),
  commit: z.string(),
  payloads: z.strictObject({
    /** Ending of the files' names. */
    files: z.string(),
    format: z.enum(["message", "tests", "lines"]),
  }),
  folders: z.record(z.string(), z.strictObject({ files: z.int(), digest: z.string() })),
  hashes: z.record(z.string(), z.array(z.string())),
});

type List = z.infer<typeof listSchema>;

/** Least recall and precision of each kind, in percent. */
const goals = {
  sha1: { recall: 99.5, precision: 97 },
  sha256: { recall: 99, precision: 90 },
  md5: { recall: 99, precision: 90 },
} as const;
type Kind = keyof typeof goals;

interface Difference {
  readonly kind: Kind;
  readonly line: string;
}
interface Counts {
  readonly hits: Kind[];
  readonly misses: Difference[];
  readonly extras: Difference[];
}

/** An event as a product sends it: JSON where it parses, text otherwise. */
function toBody(event: string): ParsedBody {
  try {
    return { kind: "json", value: JSON.parse(event) as unknown };
  } catch {
    return { kind: "text", text: event };
  }
}

const messageSchema = z.looseObject({ input: z.looseObject({ message: z.string() }) });
const testsSchema = z.looseObject({
  Tests: z.array(z.looseObject({ Log: z.unknown().optional() })).default([]),
});

/** How the files of a collection hold their events. */
const formats: Readonly<
  Record<List["payloads"]["format"], (file: string) => readonly ParsedBody[]>
> = {
  message: (file) => [toBody(messageSchema.parse(JSON.parse(file)).input.message)],
  tests: (file) =>
    testsSchema.parse(YAML.parse(file)).Tests.map(({ Log }) => ({ kind: "json", value: Log })),
  lines: (file) =>
    file
      .split("\n")
      .filter((line) => line !== "")
      .map(toBody),
};

const kindOf = (hash: string): Kind => {
  const kind = findHashKind(hash.length);
  if (!kind) throw new Error(`${hash} is not a hash`);
  return kind;
};

/** Compares the hashes of a file's events with those that are listed for the file. */
function compareFile(
  name: string,
  bodies: readonly ParsedBody[],
  listed: readonly string[],
  counts: Counts,
): void {
  const outcomes = bodies.map((body) => findHashes(body, { limits: wideLimits, where: true }));
  const places = new Map<string, string>();
  const reasons = new Map<string, string>();
  for (const outcome of outcomes) {
    if (outcome.kind !== "found") throw new Error(`${name}: ${outcome.kind}`);
    for (const { hash, where } of outcome.hashes) places.set(hash, where.join(", "));
    for (const { hash, reason } of outcome.skipped) reasons.set(hash, reason);
  }
  for (const hash of listed) {
    const kind = kindOf(hash);
    if (places.has(hash)) counts.hits.push(kind);
    else counts.misses.push({ kind, line: `${name} ${hash}: ${reasons.get(hash) ?? "not seen"}` });
  }
  for (const [hash, where] of places)
    if (!listed.includes(hash))
      counts.extras.push({ kind: kindOf(hash), line: `${name} ${hash}: ${where}` });
}

/** Reads the files of a folder in the order of their names, and checks the folder's digest. */
function readFolder(
  root: string,
  folder: string,
  { ending, digest }: { readonly ending: string; readonly digest: string },
): Map<string, string> {
  const hash = createHash("sha256");
  const payloads = new Map<string, string>();
  for (const file of readdirSync(path.join(root, folder)).toSorted()) {
    if (!file.endsWith(ending)) continue;
    const bytes = readFileSync(path.join(root, folder, file));
    hash.update(`${file}\n`).update(bytes);
    payloads.set(`${folder}/${file}`, bytes.toString());
  }
  if (hash.digest("hex") !== digest) throw new Error(`${folder} differs from the list's commit`);
  return payloads;
}

const toPercent = (part: number, whole: number): number =>
  whole === 0 ? 100 : (100 * part) / whole;

/** Prints recall and precision of one kind; returns whether both goals are met. */
function reportKind(kind: Kind, { hits, misses, extras }: Counts): boolean {
  const count = (items: readonly Difference[]): number =>
    items.filter((each) => each.kind === kind).length;
  const found = hits.filter((each) => each === kind).length;
  const recall = toPercent(found, found + count(misses));
  const precision = toPercent(found, found + count(extras));
  console.log(
    `${kind}: recall ${recall.toFixed(2)} % (${found} of ${found + count(misses)}), ` +
      `precision ${precision.toFixed(2)} % (${count(extras)} extra)`,
  );
  const hasListed = found + count(misses) > 0;
  return !hasListed || (recall >= goals[kind].recall && precision >= goals[kind].precision);
}

function main([listFile, root]: readonly string[]): void {
  if (listFile === undefined || root === undefined) {
    console.error("Usage: npm run measure:hashes -- <list.json> <folder with the repository>");
    process.exitCode = 2;
    return;
  }
  const list = listSchema.parse(JSON.parse(readFileSync(listFile, "utf8")));
  const counts: Counts = { hits: [], misses: [], extras: [] };
  const { files: ending, format } = list.payloads;
  for (const [folder, { digest }] of Object.entries(list.folders))
    for (const [name, file] of readFolder(root, folder, { ending, digest }))
      compareFile(name, formats[format](file), list.hashes[name] ?? [], counts);
  for (const { line } of counts.misses) console.log(`missed ${line}`);
  for (const { line } of counts.extras) console.log(`extra ${line}`);
  const met = (Object.keys(goals) as Kind[]).map((kind) => reportKind(kind, counts));
  process.exitCode = met.every(Boolean) ? 0 : 1;
}

main(process.argv.slice(2));
