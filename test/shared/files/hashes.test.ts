import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  findHashes,
  maxHashes,
  type FindOptions,
  type FindOutcome,
} from "../../../shared/files/hashes.ts";
import { readHash } from "../../../shared/files/hash-runs.ts";
import { wideLimits, type ParsedBody } from "../../../shared/contracts/parsed-body.ts";

const sha1Of = (seed: string | number): string =>
  createHash("sha1").update(String(seed)).digest("hex");
const sha256Of = (seed: string | number): string =>
  createHash("sha256").update(String(seed)).digest("hex");
const md5Of = (seed: string | number): string =>
  createHash("md5").update(String(seed)).digest("hex");

const a = sha1Of("a");
const b = sha1Of("b");

const findOrThrow = (
  body: ParsedBody,
  options: Partial<FindOptions> = {},
): Extract<FindOutcome, { kind: "found" }> => {
  const outcome = findHashes(body, { limits: wideLimits, ...options });
  if (outcome.kind !== "found") throw new Error(JSON.stringify(outcome));
  return outcome;
};
const findInJson = (value: unknown, options: Partial<FindOptions> = {}) =>
  findOrThrow({ kind: "json", value }, options);
const findInText = (text: string, options: Partial<FindOptions> = {}) =>
  findOrThrow({ kind: "text", text }, options);
const hashesOf = (outcome: { readonly hashes: readonly { readonly hash: string }[] }): string[] =>
  outcome.hashes.map(({ hash }) => hash);
const reasonsOf = (outcome: Extract<FindOutcome, { kind: "found" }>): string[] =>
  outcome.skipped.map(({ reason }) => reason);

describe("a hash is found", () => {
  test.each<[string, unknown]>([
    ["under a name that says so", { sha1: a }],
    ["under a name that says nothing", { whatever: a }],
    ["in upper case", { sha1: a.toUpperCase() }],
    ["after sha1:", { indicator: `sha1:${a}` }],
    ["after SHA1=", [`SHA1=${a.toUpperCase()},MD5=x`]],
    ["in the middle of a sentence", { description: `The file ${a} was seen.` }],
    ["behind an escape", { log: `line\n${a}\n` }],
    ["behind an escape written out", { log: String.raw`line\n${a}` }],
    ["in JSON inside a string", { Entities: JSON.stringify([{ FileHash: a }]) }],
    [
      "in JSON inside JSON inside a string",
      { raw: JSON.stringify({ inner: JSON.stringify({ x: `\n${a}` }) }) },
    ],
    ["as a key", { files: { [a]: { name: "x.exe" } } }],
    ["beside the name of its algorithm", { Algorithm: "SHA1", Value: a }],
    ["as the id of a file", { type: "file", id: a }],
    ["in a URL of a file", { link: `https://security.microsoft.com/file/${a}/overview` }],
    ["in a table whose column says so", { columns: [{ name: "SHA1" }], rows: [[a]] }],
    ["between Chinese letters", { note: `文件哈希${a}。` }],
    ["as the whole body", a],
  ])("%s", (_, value) => {
    expect(hashesOf(findInJson(value))).toEqual([a]);
  });

  test("in a form's field, JSON or not", () => {
    const fields = [
      ["payload", JSON.stringify({ result: { hash: a } })],
      ["sha1", b],
    ] as const;
    expect(hashesOf(findOrThrow({ kind: "form", fields }))).toEqual([a, b]);
  });

  test("in each line of text, JSON or not", () => {
    expect(
      hashesOf(findInText(`${JSON.stringify({ deviceId: b, sha1: a })}\nsha1: ${sha1Of("c")}`)),
    ).toEqual([a, sha1Of("c")]);
  });

  test("as SHA-256 and MD5 by its length", () => {
    expect(
      findInJson({ sha256: sha256Of(1), md5: md5Of(1), sha1: a }).hashes.map(({ kind }) => kind),
    ).toEqual(["sha256", "md5", "sha1"]);
  });

  test("once, in the order of the document, with its places on request", () => {
    const outcome = findInJson(
      { x: [{ sha1: b }, { sha1: a }], "y/~": b.toUpperCase() },
      { where: true },
    );
    expect(outcome.hashes).toEqual([
      { hash: b, kind: "sha1", where: ["/x/0/sha1", "/y~1~0"] },
      { hash: a, kind: "sha1", where: ["/x/1/sha1"] },
    ]);
  });

  test("with its place inside JSON in a string", () => {
    const outcome = findInJson({ e: JSON.stringify([{ sha1: a }]) }, { where: true });
    expect(outcome.hashes[0]?.where).toEqual(["/e/0/sha1"]);
  });
});

describe("no hash is found", () => {
  test.each<[string, string]>([
    ["in 39 digits", a.slice(1)],
    ["in 41 digits", `${a}0`],
    ["in 128 digits", sha256Of(1) + sha256Of(2)],
    ["right after a letter", `x${a}`],
    ["right before a letter", `${a}x`],
    ["right after an underscore", `_${a}`],
    ["after 0x, which is an address", `0x${a}`],
    ["in full-width digits", "１".repeat(40)],
  ])("%s", (_, text) => {
    expect(hashesOf(findInJson({ text }))).toEqual([]);
    expect(hashesOf(findInText(text))).toEqual([]);
  });
});

describe("a run that names something else is skipped with the reason", () => {
  test.each<[string, unknown, string]>([
    ["DeviceId", { DeviceId: a }, "a device id"],
    ["machineId", { machineId: a }, "a device id"],
    ["mdeDeviceId", { mdeDeviceId: a }, "a device id"],
    ["MdatpDeviceId", { MdatpDeviceId: a }, "a device id"],
    ["a list of device ids", { deviceIds: [a] }, "a device id"],
    ["a map by device", { devices: { [a]: {} } }, "a device id"],
    ["a name beside its value", { name: "DeviceId", value: a }, "a device id"],
    ["a column of a table", { columns: ["DeviceId"], rows: [[a]] }, "a device id"],
    ["words before it", { text: `on device id ${a}` }, "a device id"],
    ["words before it and a verb", { text: `the machine id is ${a}` }, "a device id"],
    ["an assignment in text", { text: `DeviceId="${a}"` }, "a device id"],
    ["a list in text", { text: `DeviceIds: ${b}, ${a}` }, "a device id"],
    [
      "a portal link",
      { url: `https://security.microsoft.com/machines/v2/${a}/timeline` },
      "a device id",
    ],
    ["a merge key", { MergeByKeyHex: a }, "a merge key"],
    ["a code directory hash", { cdhash: a }, "a code directory hash"],
    ["a thumbprint", { certificateThumbprint: a }, "a certificate"],
    ["the hash of a certificate", { certificate: { sha1: a } }, "a certificate"],
    ["a signer's hash", { SignerHash: a }, "a certificate"],
    ["an import hash", { imphash: md5Of(1) }, "a fingerprint that is not of a whole file"],
    ["a TLS fingerprint", { ja3: md5Of(1) }, "a fingerprint that is not of a whole file"],
    ["a password hash", { ntlmHash: md5Of(1) }, "a password hash"],
    ["a commit", { commit: a }, "a commit"],
    ["an id", { id: a }, "an id"],
    ["a trace id in small letters", { traceid: md5Of(1) }, "an id"],
    ["a trace parent", { traceparent: `00-${md5Of(1)}-b7ad6b7169203331-01` }, "an id"],
    ["a key", { apiKey: md5Of(1) }, "a key or token"],
  ])("%s", (_, value, reason) => {
    const outcome = findInJson(value);
    expect(hashesOf(outcome)).toEqual([]);
    expect(new Set(reasonsOf(outcome))).toEqual(new Set([reason]));
  });

  test("unless it is a file's hash elsewhere", () => {
    expect(findInJson({ id: a, sha1: a }, { where: true })).toEqual({
      kind: "found",
      hashes: [{ hash: a, kind: "sha1", where: ["/sha1"] }],
      skipped: [],
    });
  });

  test("unless everything is asked for", () => {
    expect(hashesOf(findInJson({ DeviceId: a, imphash: md5Of(1) }, { all: true }))).toEqual([
      a,
      md5Of(1),
    ]);
  });
});

describe("the limits", () => {
  const nestArrays = (depth: number): unknown =>
    JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);

  test.each<[string, unknown, string]>([
    ["33 levels", nestArrays(33), "nested deeper"],
    ["a million levels", nestArrays(1_000_000), "nested deeper"],
    ["20,001 elements", Array.from({ length: 20_001 }, () => 0), "20001 elements"],
    [
      "20,001 keys",
      Object.fromEntries(Array.from({ length: 20_001 }, (_, key) => [`k${key}`, 0])),
      "20001 keys",
    ],
    ["a string beyond a million characters", ["x".repeat(1_048_577)], "1048577 characters"],
    ["a number too large", [JSON.parse("1e400")], "too large"],
    ["__proto__", JSON.parse('{"x":{"__proto__":{"polluted":true}}}'), "not accepted"],
    ["constructor.prototype", JSON.parse('{"constructor":{"prototype":{}}}'), "not accepted"],
  ])("refuse %s", (_, value, message) => {
    const outcome = findHashes({ kind: "json", value }, { limits: wideLimits });
    expect(outcome).toMatchObject({
      kind: "outside-limits",
      fault: { message: expect.stringContaining(message) as string },
    });
  });

  test("refuse more than 20,000 hashes, and take as many", () => {
    const createText = (count: number) =>
      Array.from({ length: count }, (_, index) => md5Of(index)).join("\n");
    expect(
      findHashes({ kind: "text", text: createText(maxHashes + 1) }, { limits: wideLimits }).kind,
    ).toBe("too-many");
    expect(findInText(createText(maxHashes)).hashes).toHaveLength(maxHashes);
  });

  test("leave JSON in a string that is outside of them to be searched as text", () => {
    const deep = `${"[".repeat(40)}"sha1: ${a}"${"]".repeat(40)}`;
    expect(hashesOf(findInJson({ deep }))).toEqual([a]);
  });
});

/** Payloads of any shape with hashes under telling names and ids of the same form planted in them. */
const plant = (() => {
  const fileName = fc.constantFrom(
    "sha1",
    "SHA1",
    "fileHash",
    "InitiatingProcessSHA1",
    "hash",
    "evidence",
    "note",
    "x",
  );
  const idName = fc.constantFrom(
    "DeviceId",
    "machineId",
    "mdeDeviceId",
    "MergeByKey",
    "cdHash",
    "id",
    "TraceId",
  );
  const filler = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.integer(),
    fc.constant(null),
    fc.boolean(),
    fc.constantFrom("x".repeat(50), "deadbeef", "a".repeat(39), "C:\\Windows\\Temp\\x.exe"),
  );
  const serial = fc.nat({ max: 1e9 });
  const file = fc
    .tuple(fileName, serial, fc.constantFrom(0, 1, 2, 3, 4, 5))
    .map(([name, seed, form]) => {
      const hash = sha1Of(`file ${seed}`);
      const forms: Record<string, unknown>[] = [
        { [name]: hash },
        { [name]: hash.toUpperCase() },
        { [name]: [hash] },
        { name: "sha1", value: hash },
        { text: `SHA1=${hash.toUpperCase()}, seen\n${hash}` },
        { Entities: JSON.stringify([{ [name]: `\n${hash}` }]) },
      ];
      return { value: forms[form] ?? {}, files: [hash], ids: [] as string[] };
    });
  const id = fc.tuple(idName, serial, fc.constantFrom(0, 1, 2, 3, 4)).map(([name, seed, form]) => {
    const run = sha1Of(`id ${seed}`);
    const forms: Record<string, unknown>[] = [
      { [name]: run },
      { [`${name}s`.replace("ashs", "ashes")]: [run.toUpperCase()] },
      { name, value: run },
      { text: `seen with ${name}: ${run}.` },
      { Entities: JSON.stringify({ [name]: run }) },
    ];
    return { value: forms[form] ?? {}, files: [] as string[], ids: [run] };
  });
  type Planted = { value: unknown; files: string[]; ids: string[] };
  const leaf: fc.Arbitrary<Planted> = fc.oneof(
    file,
    id,
    filler.map((value) => ({ value: { filler: value }, files: [], ids: [] })),
  );
  const joinPlanted = (parts: readonly Planted[]): Planted => ({
    value: parts.map(({ value }) => value),
    files: parts.flatMap(({ files }) => files),
    ids: parts.flatMap(({ ids }) => ids),
  });
  const list = fc.array(leaf, { maxLength: 8 }).map(joinPlanted);
  const branch = fc
    .array(fc.tuple(fc.constantFrom("alert", "evidence", "device", "process", "p"), list), {
      maxLength: 4,
    })
    .map((parts) => ({
      value: Object.fromEntries(
        parts.map(([name, part], index) => [`${name}${index}`, part.value]),
      ),
      files: parts.flatMap(([, part]) => part.files),
      ids: parts.flatMap(([, part]) => part.ids),
    }));
  return fc.array(branch, { maxLength: 4 }).map(joinPlanted);
})();

describe("in any payload", () => {
  test("exactly the planted hashes are found and none of the planted ids", () => {
    fc.assert(
      fc.property(plant, ({ value, files, ids }) => {
        const outcome = findInJson(JSON.parse(JSON.stringify(value)));
        expect(hashesOf(outcome)).toEqual([...new Set(files)]);
        expect(outcome.skipped.map(({ hash }) => hash)).toEqual([...new Set(ids)]);
      }),
      { numRuns: 400 },
    );
  });

  test("every run between boundaries is found when all are asked for", () => {
    const hex = fc.constantFrom("a", "f", "0", "9", "E").map((digit) => digit);
    const piece = fc.oneof(
      fc.array(hex, { minLength: 28, maxLength: 70 }).map((digits) => digits.join("")),
      fc.constantFrom(" ", "g", "_", "\n", "é", ":", "-", ".", "0"),
    );
    const findExpected = (text: string): string[] => [
      ...new Set(
        [...text.matchAll(/(?<![0-9A-Za-z_])[0-9a-fA-F]+(?![0-9A-Za-z_])/g)]
          .map(([run]) => run.toLowerCase())
          .filter((run) => [32, 40, 64].includes(run.length)),
      ),
    ];
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join("");
        expect(hashesOf(findInJson([text], { all: true }))).toEqual(findExpected(text));
      }),
      { numRuns: 500 },
    );
  });
});

describe("one hash alone is read", () => {
  test.each([
    [a, a],
    [` ${a.toUpperCase()} `, a],
    [`sha1:${a}`, a],
    [`SHA-256 = ${sha256Of(1)}`, sha256Of(1)],
    [md5Of(1), md5Of(1)],
  ])("from %j", (text, hash) => {
    expect(readHash(text)?.hash).toBe(hash);
  });

  test.each([
    "../machines",
    "%2e%2e/machines",
    `${a}?x=1`,
    a.slice(1),
    `${a}0`,
    "１".repeat(40),
    "",
    `${a}/stats`,
  ])("but not from %j", (text) => {
    expect(readHash(text)).toBeUndefined();
  });
});
