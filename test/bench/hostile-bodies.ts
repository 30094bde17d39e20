/**
 * The hostile suite: processor time that finding hashes takes over families of bodies, at 256 KiB,
 * 512 KiB and 1 MiB. Work that grows with the square of a body shows as a growth of 4 per doubling.
 */
import type { ParsedBody } from "../../shared/contracts/parsed-body.ts";
import { wideLimits } from "../../shared/contracts/parsed-body.ts";
import { findHashes } from "../../shared/files/hashes.ts";
import { spreadOf, toCeilingResult, type Result } from "./harness.ts";

const sizes = [262_144, 524_288, 1_046_528] as const;
const maxGrowth = 2.3;
const maxMs = 300;
const rounds = 5;
const maxItems = 19_000;

/** The n-th run of hexadecimal digits. */
const hexRun = (digits: number, index: number): string =>
  (index + 1).toString(16).padStart(8, "9").repeat(9).slice(0, digits);
const sha1 = (index: number): string => hexRun(40, index);

/** Items up to `size` characters in all, a separator each included. */
function fillTo(size: number, makeItem: (index: number) => string): string[] {
  const items: string[] = [];
  for (let length = 0; length < size; length += (items.at(-1)?.length ?? 0) + 1)
    items.push(makeItem(items.length));
  return items;
}

const toObject = (size: number, makeName: (index: number) => string): object =>
  Object.fromEntries(
    toList(size, (index) => `${makeName(index)}:${sha1(index)}`).map((item) => {
      const [name = "", value] = item.split(":");
      return [name, value] as const;
    }),
  );
const toText = (size: number, separator: string, makeItem: (index: number) => string) => ({
  kind: "text" as const,
  text: fillTo(size, makeItem).join(separator),
});
const toJson = (value: unknown): ParsedBody => ({ kind: "json", value });
const toList = (size: number, makeItem: (index: number) => string): string[] =>
  fillTo(size, makeItem).slice(0, maxItems);

function nestValue(value: unknown, depth: number, makeName: (level: number) => string): unknown {
  let nested = value;
  for (let level = 0; level < depth; level += 1) nested = { [makeName(level)]: nested };
  return nested;
}

const families: Readonly<Record<string, (size: number) => ParsedBody>> = {
  "an object of file names": (size) => toJson(toObject(size, (at) => `p${at}.exe`)),
  "an object of naming siblings": (size) =>
    toJson(toObject(size, (at) => `n-a_m${"-".repeat(at % 30)}${at}e`)),
  "an object of long names": (size) => toJson(toObject(size, (at) => `${"aB".repeat(200)}${at}`)),
  "an object of underscores": (size) => toJson(toObject(size, (at) => `${"_".repeat(60)}${at}`)),
  "an object of glued ids": (size) => toJson(toObject(size, (at) => `${"device".repeat(9)}${at}x`)),
  "an object of signers": (size) => toJson(toObject(size, (at) => `${"signer ".repeat(8)}${at}`)),
  "a list of SHA-1": (size) => toJson(toList(size, sha1)),
  "a list of MD5 with another value": (size) =>
    toJson([...toList(size, (at) => hexRun(32, at)), "x"]),
  "lists of one MD5": (size) =>
    toJson(Object.fromEntries(toList(size, (at) => hexRun(32, at)).map((run) => [run, [run]]))),
  "a deep list": (size) =>
    toJson(nestValue(toList(size, sha1), 29, (at) => `xName${at}${"q".repeat(40)}`)),
  "many deep objects": (size) =>
    toJson(
      fillTo(size, () => "x".repeat(1_200)).map((_, at) =>
        nestValue(sha1(at), 25, (level) => `aBc${at}x${level}${"Z".repeat(30)}`),
      ),
    ),
  "a form": (size) => ({
    kind: "form",
    fields: toList(size, (at) => `f${at}=${sha1(at)}`).map((field) => {
      const [name = "", value = ""] = field.split("=");
      return [name, value] as const;
    }),
  }),
  "lines of SHA-1": (size) => toText(size, "\n", sha1),
  "one SHA-1 many times": (size) => toText(size, "\n", () => sha1(1)),
  "a line of words": (size) => toText(size, " ", (at) => `word word ${sha1(at)}`),
  "a line of long words": (size) =>
    toText(size, " ", (at) => `aB${at}.${"aB".repeat(16)}_${"cD".repeat(16)} ${sha1(at)}`),
  "a list in text": (size) => toText(size, ", ", (at) => hexRun(64, at)),
  "URLs in URLs": (size) => toText(size, "/", (at) => `://a/${sha1(at)}`),
  versions: (size) => toText(size, " ", (at) => `${"1.".repeat(15)}1+${sha1(at)}`),
  "separators before runs": (size) => toText(size, " ", (at) => `${"-".repeat(79)}${sha1(at)}`),
  backslashes: (size) => toText(size, " ", (at) => `${"\\".repeat(500)}n${sha1(at)}`),
  "hexadecimal digits": (size) => toText(size, "", () => "a".repeat(64)),
  "runs of 31 digits": (size) => toText(size, "\n", () => "a".repeat(31)),
  "runs of 39 digits": (size) => toText(size, " ", () => "a".repeat(39)),
  "a CSV": (size) => {
    const { text } = toText(size, "\n", (at) => `${sha1(at)},${sha1(at + 1e6)}`);
    return { kind: "text", text: `DeviceId,SHA1\n${text}` };
  },
  "a CSV of quotes": (size) => ({ kind: "text", text: `DeviceId,SHA1\n${'"'.repeat(size)}` }),
  "a CSV of open quotes": (size) => {
    const { text } = toText(size, "\n", () => `"a""`);
    return { kind: "text", text: `DeviceId,SHA1;a\tb|c\n${text}` };
  },
  "a CSV of many columns": (size) => {
    const { text } = toText(size, ",", sha1);
    return { kind: "text", text: `SHA1,${"a,".repeat(7_000)}b\n${text}` };
  },
  "a W3C log": (size) => toText(size, "\n", (at) => `#Fields: a sha1\nx ${sha1(at)}`),
  "a W3C log of spaces": (size) => ({ kind: "text", text: `#Fields: a\n${" ".repeat(size)}x` }),
  "tables in strings": (size) =>
    toJson(toList(size, (at) => `DeviceId,SHA1\n${sha1(at)},${sha1(at + 1e6)}`)),
  "JSON in strings": (size) => toJson(toList(size, (at) => JSON.stringify({ a: sha1(at) }))),
  "strings that are almost JSON": (size) => toJson(toList(size, (at) => `{"${sha1(at)}"}}`)),
  "a string that is almost JSON": (size) => toJson([`{"${fillTo(size, sha1).join('","')}"]}`]),
  "brackets in a string": (size) =>
    toJson([`${"[".repeat(size / 2)}"${sha1(1)}"${"]".repeat(size / 2)}`]),
  "spaces in a string": (size) => toJson([`{${" ".repeat(size)}`]),
  "a table of rows": (size) =>
    toJson({
      columns: ["DeviceId", "SHA1"],
      rows: toList(size / 2, sha1).map((run, at) => [run, sha1(at + 1e6)]),
    }),
  "a table of one wide row": (size) =>
    toJson({ columns: toList(size / 2, (at) => `c${at}`), rows: [toList(size / 2, sha1)] }),
};

function measureBody(body: ParsedBody): number {
  const samples = Array.from({ length: rounds }, () => {
    const start = process.cpuUsage();
    findHashes(body, { limits: wideLimits, where: true });
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  });
  return spreadOf(samples).min;
}

export async function* measureHostileBodies(): AsyncIterable<Result> {
  for (const [name, createBody] of Object.entries(families)) {
    const [small = 0, middle = 0, large = 0] = sizes.map((size) => measureBody(createBody(size)));
    const note = `${[small, middle, large].map((ms) => ms.toFixed(1)).join(", ")} ms`;
    // Below a few milliseconds the clock decides.
    const growth = Math.max(middle / Math.max(small, 5), large / Math.max(middle, 5));
    yield toCeilingResult(`growth per doubling: ${name}`, spreadOf([growth]), maxGrowth, "x", note);
    yield toCeilingResult(`1 MiB: ${name}`, spreadOf([large]), maxMs, "ms", note);
  }
}
