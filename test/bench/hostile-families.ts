/**
 * Families of request bodies, each of any size, that would take a careless walk far longer than
 * their length. A member, field or cell may hold a hash, an id, or a near miss of one.
 */

/** A body as it is sent. */
export interface SentBody {
  readonly type: string;
  readonly text: string;
}

const maxItems = 19_000;
const maxTextItems = 400_000;

/** The n-th run of hexadecimal digits. */
const hexRun = (digits: number, index: number): string =>
  (index + 1).toString(16).padStart(8, "9").repeat(9).slice(0, digits);
export const sha1Of = (index: number): string => hexRun(40, index);
const sha1 = sha1Of;

/** Items up to `size` characters in all, a separator each included. */
function fillTo(size: number, makeItem: (index: number) => string, most = maxTextItems): string[] {
  const items: string[] = [];
  for (let length = 0; items.length < most;) {
    const item = makeItem(items.length);
    length += item.length + 1;
    if (length > size) break;
    items.push(item);
  }
  return items;
}

type MakeItem = (index: number) => string;
type Family = (size: number) => SentBody;

const toJson = (text: string): SentBody => ({ type: "application/json", text });
const sendText = (text: string): SentBody => ({ type: "text/plain", text });
const sendForm = (text: string): SentBody => ({ type: "application/x-www-form-urlencoded", text });

/** Members as JSON text, such as `"a1":"…"`. */
const inObject =
  (makeMember: MakeItem, most = maxItems): Family =>
  (size) =>
    toJson(`{${fillTo(size - 2, makeMember, most).join(",")}}`);
/** Elements as JSON text. */
const inList =
  (makeElement: MakeItem, most = maxItems): Family =>
  (size) =>
    toJson(`[${fillTo(size - 2, makeElement, most).join(",")}]`);
const inText =
  (makeItem: MakeItem, separator = "\n", head = ""): Family =>
  (size) =>
    sendText(head + fillTo(size - head.length, makeItem).join(separator));
const inForm =
  (makeField: MakeItem): Family =>
  (size) =>
    sendForm(fillTo(size, makeField, maxItems).join("&"));
/** One JSON string that holds the text. */
const inString =
  (makeItem: MakeItem, separator = " "): Family =>
  (size) =>
    toJson(JSON.stringify({ text: fillTo(size * 0.85, makeItem).join(separator) }));
const repeatTo =
  (unit: string, wrap: (text: string) => SentBody): Family =>
  (size) =>
    wrap(unit.repeat(Math.floor((size - 40) / Buffer.byteLength(unit))));
/** One JSON string; the text is escaped already. */
const wrapString = (text: string): SentBody => toJson(`["${text}"]`);

const named = (makeName: MakeItem): Family => inObject((at) => `"${makeName(at)}":"${sha1(at)}"`);

const objects: Readonly<Record<string, Family>> = {
  "an object of file names": named((at) => `p${at}.exe`),
  "an object of naming siblings": named((at) => `n-a_m${"-".repeat(at % 30)}${at}e`),
  "an object of long names": named((at) => `${"aB".repeat(200)}${at}`),
  "an object of underscores": named((at) => `${"_".repeat(60)}${at}`),
  "an object of glued ids": named((at) => `${"device".repeat(9)}${at}x`),
  "an object of signers": named((at) => `${"signer ".repeat(8)}${at}`),
  "an object of digests": named((at) => `${at} digest`),
  "an object of labels": inObject((at) => `"cs${at}Label":"sha1","cs${at}":"${sha1(at)}"`, 9_000),
  "an object of hash names": inObject((at) => `"${sha1(at)}":${at}`),
  "an object of short values": inObject((at) => `"a${at}":"${at}"`),
  "an object of 400 members with one name each": inObject(
    (at) => `"${"x".repeat(2_500)}${at}":"${sha1(at)}"`,
  ),
  "names of half a mebibyte": (size) =>
    toJson(`{"${fillTo(size / 2, sha1).join(" ")}":"${fillTo(size / 2 - 20, sha1).join(" ")}"}`),
  "pairs of a name and a value": inList((at) => `{"name":"sha1","value":"${sha1(at)}"}`),
  "events with ids and commits": inList(
    (at) => `{"before":"${sha1(at)}","after":"${sha1(at)}","ref":"${at}","id":"${sha1(at)}"}`,
  ),
  "containers of containers": inList(
    (at) => `{"container":{"hash":{"value":"${sha1(at)}","algorithm":"x${at}"}}}`,
  ),
  "a member that repeats": inObject(() => `"a":"${sha1(1)}"`, maxTextItems),
  "names with escapes": inObject((at) => `"\\u0061\\n${at}":"${sha1(at)}"`),
};

const nest = (depth: number, makeName: MakeItem, value: string): string =>
  Array.from({ length: depth }, (_, level) => `{"${makeName(level)}":`).join("") +
  value +
  "}".repeat(depth);

const lists: Readonly<Record<string, Family>> = {
  "a list of SHA-1": inList((at) => `"${sha1(at)}"`),
  "a list of MD5 with another value": (size) =>
    toJson(`[${fillTo(size - 8, (at) => `"${hexRun(32, at)}"`, maxItems).join(",")},"x"]`),
  "lists of one MD5": inObject((at) => `"${hexRun(32, at)}":["${hexRun(32, at)}"]`),
  "a deep list": (size) =>
    toJson(
      nest(
        29,
        (at) => `xName${at}${"q".repeat(40)}`,
        `[${fillTo(size - 2_000, (at) => `"${sha1(at)}"`, maxItems).join(",")}]`,
      ),
    ),
  "many deep objects": inList((at) =>
    nest(25, (level) => `aBc${at}x${level}${"Z".repeat(30)}`, `"${sha1(at)}"`),
  ),
  "many empty lists": inList(() => "[]", maxTextItems),
  "lists of empty lists": inList(() => `[${"[],".repeat(900)}[]]`),
  "lists of numbers": inList(() => `[${"1,".repeat(5_000)}1]`),
  "long numbers": inList((at) => `1${String(at).repeat(20)}`),
  "a table of rows": (size) =>
    toJson(
      `{"columns":["DeviceId","SHA1"],"rows":[${fillTo(
        size - 50,
        (at) => `["${sha1(at)}","${sha1(at + 1e6)}"]`,
        maxItems,
      ).join(",")}]}`,
    ),
  "a table of one wide row": (size) =>
    toJson(
      `{"columns":[${fillTo(size / 3, (at) => `"c${at}"`, maxItems).join(",")}],"rows":[[${fillTo(
        size / 2,
        (at) => `"${sha1(at)}"`,
        maxItems,
      ).join(",")}]]}`,
    ),
  "tables of many columns": inList(
    (at) => `{"columns":[${'"a",'.repeat(500)}"b"],"rows":[["${sha1(at)}"]]}`,
  ),
};

const strings: Readonly<Record<string, Family>> = {
  "tables in strings": inList((at) => `"DeviceId,SHA1\\n${sha1(at)},${sha1(at + 1e6)}"`),
  "JSON in strings": inList((at) => JSON.stringify(JSON.stringify({ a: sha1(at) }))),
  "JSON in JSON in strings": inList((at) =>
    JSON.stringify(JSON.stringify({ a: JSON.stringify([sha1(at)]) })),
  ),
  "strings that are almost JSON": inList((at) => JSON.stringify(`{"${sha1(at)}"}}`)),
  "a string that is almost JSON": inString((at) => `${at === 0 ? '{"' : ""}${sha1(at)}","`, ""),
  "brackets in a string": (size) =>
    toJson(
      JSON.stringify([`${"[".repeat(size / 2 - 40)}"${sha1(1)}"${"]".repeat(size / 2 - 40)}`]),
    ),
  "spaces in a string": (size) => toJson(JSON.stringify([`{${" ".repeat(size - 40)}`])),
  "spaces before hashes": (size) =>
    toJson(JSON.stringify([" ".repeat(size / 2) + fillTo(size / 2 - 40, sha1).join(" ")])),
  "escapes in a string": repeatTo(String.raw`\n\u0061`, wrapString),
  "quotes in a string": repeatTo(String.raw`\"`, wrapString),
  "emoji in a string": repeatTo("\u{1F600}", wrapString),
  "one long string of words": repeatTo("device id is ", wrapString),
};

const texts: Readonly<Record<string, Family>> = {
  "lines of SHA-1": inText(sha1),
  "lines of nothing": repeatTo("\n", sendText),
  "lines of short words": inText((at) => `a${at}`),
  "one SHA-1 many times": inText(() => sha1(1)),
  "a line of words": inText((at) => `word word ${sha1(at)}`, " "),
  "a line of long words": inText(
    (at) => `aB${at}.${"aB".repeat(16)}_${"cD".repeat(16)} ${sha1(at)}`,
    " ",
  ),
  "a list in text": inText((at) => hexRun(64, at), ", "),
  "URLs in URLs": inText((at) => `://a/${sha1(at)}`, "/"),
  "hosts of many labels": inText((at) => `${"a.".repeat(250)}/${sha1(at)}`, " "),
  directories: inText((at) => `/${"a/".repeat(30)}${sha1(at)}`, "/"),
  versions: inText((at) => `${"1.".repeat(15)}1+${sha1(at)}`, " "),
  "image references": inText((at) => `x@sha256:${hexRun(64, at)}`, " "),
  "repositories of images": inText((at) => `:repository/${"a/".repeat(30)}sha256:${sha1(at)}`, " "),
  "separators before runs": inText((at) => `${"-".repeat(79)}${sha1(at)}`, " "),
  "values before names": inText((at) => `Op=CreateKey Hash=${sha1(at)}`, " "),
  "fillers before runs": inText((at) => `for for of is was ${sha1(at)}`, " "),
  "labelled fields": inText((at) => `cs1=${sha1(at)} cs1Label=sha1`, " "),
  "labels without an end": inText((at) => `cs1=${sha1(at)} ${"aLabel=b".repeat(8)}`, " "),
  "back-slashes": inText((at) => `${"\\".repeat(500)}n${sha1(at)}`, " "),
  "hexadecimal digits": repeatTo("a", sendText),
  "runs of 31 digits": inText(() => "a".repeat(31)),
  "runs of 39 digits": inText(() => "a".repeat(39), " "),
  "words of another script": repeatTo("\u6587\u4EF6", sendText),
};

const tables: Readonly<Record<string, Family>> = {
  "a CSV": inText((at) => `${sha1(at)},${sha1(at + 1e6)}`, "\n", "DeviceId,SHA1\n"),
  "a CSV of quotes": (size) => sendText(`DeviceId,SHA1\n${'"'.repeat(size - 20)}`),
  "a CSV of open quotes": inText(() => '"a""', "\n", "DeviceId,SHA1;a\tb|c\n"),
  "a CSV of empty cells": repeatTo(",\n", (text) => sendText(`DeviceId,SHA1\n${text}`)),
  "a CSV of many columns": inText(sha1, ",", `SHA1,${"a,".repeat(7_000)}b\n`),
  "a table of tabs": inText((at) => `${at}\t${sha1(at)}`, "\n", "a\tsha1\n"),
  "a W3C log": inText((at) => `#Fields: a sha1\nx ${sha1(at)}`),
  "a W3C log of spaces": (size) => sendText(`#Fields: a\n${" ".repeat(size - 20)}x`),
  "a W3C log of short words": repeatTo("a ", (text) => sendText(`#Fields: a\n${text}`)),
};

const forms: Readonly<Record<string, Family>> = {
  "a form": inForm((at) => `f${at}=${sha1(at)}`),
  "a form of empty fields": repeatTo("a&", sendForm),
  "a form of 20,000 fields": (size) =>
    sendForm(fillTo(size, (at) => `f${at}=${"+".repeat(40)}`, maxItems).join("&")),
  "a form of one encoded field": repeatTo("%61", (text) => sendForm(`a=${text}`)),
  "a form of hash names": inForm((at) => `${sha1(at)}=${at}`),
};

export const hostileFamilies: Readonly<Record<string, Family>> = {
  ...objects,
  ...lists,
  ...strings,
  ...texts,
  ...tables,
  ...forms,
};
