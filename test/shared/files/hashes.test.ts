import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  findHashes,
  findHashesInPortions,
  maxHashes,
  type FindOutcome,
} from "../../../shared/files/hashes.ts";
import type { FindOptions } from "../../../shared/files/hash-search.ts";
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

describe("a hash of a file", () => {
  test.each<[string, unknown]>([
    ["under the name sha1", { sha1: a }],
    ["under a name that says nothing", { whatever: a }],
    ["in upper case", { sha1: a.toUpperCase() }],
    ["after sha1:", { indicator: `sha1:${a}` }],
    ["after SHA1=", [`SHA1=${a.toUpperCase()},MD5=x`]],
    ["in the middle of a sentence", { description: `The file ${a} was seen.` }],
    ["behind an escape", { log: `line\n${a}\n` }],
    ["behind an escape that is written out", { log: String.raw`line\n${a}` }],
    ["in JSON inside a string", { Entities: JSON.stringify([{ FileHash: a }]) }],
    [
      "in JSON inside JSON inside a string",
      { raw: JSON.stringify({ inner: JSON.stringify({ x: `\n${a}` }) }) },
    ],
    ["as a key", { files: { [a]: { name: "x.exe" } } }],
    ["beside the name of its algorithm", { Algorithm: "SHA1", Value: a }],
    ["as the id of a file", { type: "file", id: a }],
    ["in a URL of a file", { link: `https://security.microsoft.com/file/${a}/overview` }],
    ["in a table whose column is SHA1", { columns: [{ name: "SHA1" }], rows: [[a]] }],
    ["between Chinese letters", { note: `文件哈希${a}。` }],
    ["as the whole body", a],
    ["under fileContentHash", { fileContentHash: a }],
    ["under attachmentHash", { attachmentHash: a }],
    ["under parent_process.parentHash", { "parent_process.parentHash": a }],
    ["under AgentHash", { AgentHash: a }],
    ["under file_type_hash", { file_type_hash: a }],
    ["under documenthash", { documenthash: a }],
    ["under the hash of a process", { process: { hash: { sha1: a } } }],
    ["in words that end in -nt", { text: `Attachment hash: ${a}` }],
    ["after a value of another field", { text: `Op=CreateExeKey Hash=${a} Drive=Fixed` }],
    ["in an index that repeats it", { related: { hash: [a] } }],
    ["in the list of a product's MD5", { p_any_md5_hashes: [a] }],
    ["in a path as the file's name", { path: `C:\\Samples\\${a}.exe` }],
    ["as the digest of a subject", { name: "x.exe", digest: { sha1: a } }],
    ["behind a word for its object", { text: `SHA1 for ${a}` }],
  ])("is found %s", (_, value) => {
    expect(hashesOf(findInJson(value))).toEqual([a]);
  });

  test("is found in a form's field, JSON or not", () => {
    const fields = [
      ["payload", JSON.stringify({ result: { hash: a } })],
      ["sha1", b],
    ] as const;
    expect(hashesOf(findOrThrow({ kind: "form", fields }))).toEqual([a, b]);
  });

  test("is found in each line of text, JSON or not", () => {
    expect(
      hashesOf(findInText(`${JSON.stringify({ deviceId: b, sha1: a })}\nsha1: ${sha1Of("c")}`)),
    ).toEqual([a, sha1Of("c")]);
  });

  test("is a SHA-256 or MD5 by its length", () => {
    expect(
      findInJson({ sha256: sha256Of(1), md5: md5Of(1), sha1: a }).hashes.map(({ kind }) => kind),
    ).toEqual(["sha256", "md5", "sha1"]);
  });

  test("is listed once, in document order, with its places on request", () => {
    const outcome = findInJson(
      { x: [{ sha1: b }, { sha1: a }], "y/~": b.toUpperCase() },
      { where: true },
    );
    expect(outcome.hashes).toEqual([
      { hash: b, kind: "sha1", where: ["/x/0/sha1", "/y~1~0"] },
      { hash: a, kind: "sha1", where: ["/x/1/sha1"] },
    ]);
  });

  test("has its place inside JSON in a string", () => {
    const outcome = findInJson({ e: JSON.stringify([{ sha1: a }]) }, { where: true });
    expect(outcome.hashes[0]?.where).toEqual(["/e/0/sha1"]);
  });
});

describe("a run that is not a hash", () => {
  test.each<[string, string]>([
    ["has 39 digits", a.slice(1)],
    ["has 41 digits", `${a}0`],
    ["has 128 digits", sha256Of(1) + sha256Of(2)],
    ["follows a letter", `x${a}`],
    ["precedes a letter", `${a}x`],
    ["follows an underscore", `_${a}`],
    ["follows 0x, as an address", `0x${a}`],
    ["has full-width digits", "１".repeat(40)],
  ])("is not found when it %s", (_, text) => {
    expect(hashesOf(findInJson({ text }))).toEqual([]);
    expect(hashesOf(findInText(text))).toEqual([]);
  });
});

describe("a run that names something else", () => {
  test.each<[string, unknown, string]>([
    ["DeviceId", { DeviceId: a }, "a device id"],
    ["machineId", { machineId: a }, "a device id"],
    ["mdeDeviceId", { mdeDeviceId: a }, "a device id"],
    ["MdatpDeviceId", { MdatpDeviceId: a }, "a device id"],
    ["udid", { udid: a }, "a device id"],
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
    ["the properties of a certificate", { certificateProperties: { sha1: a } }, "a certificate"],
    ["a signer's hash", { SignerHash: a }, "a certificate"],
    ["an issuer's key", { issuerKeyHash: a, issuerNameHash: b }, "a certificate"],
    ["a certificate in French", `Empreinte numérique du certificat : ${a}`, "a certificate"],
    ["an SSH fingerprint", `SSHFP: ${a}`, "a certificate"],
    ["an import hash", { imphash: md5Of(1) }, "a fingerprint that is not of a whole file"],
    ["Authenticode", { AuthenticodeHashData: a }, "a fingerprint that is not of a whole file"],
    ["a TLS fingerprint", { ja3: md5Of(1) }, "a fingerprint that is not of a whole file"],
    ["a password hash", { ntlmHash: md5Of(1) }, "a password hash"],
    ["a commit", { commit: a }, "a commit"],
    ["a commit's object", { commit_oid: a }, "a commit"],
    ["a push", { ref: "refs/heads/main", before: a, after: b }, "a commit"],
    ["a file in a repository", { url: `https://github.com/x/y/blob/${a}/z` }, "a commit"],
    ["a commit in gitweb", { url: `https://git/?p=x;a=commitdiff;h=${a}` }, "a commit"],
    ["a container", { container: { hash: a } }, "a container"],
    ["a user's hash", { user: { hash: sha256Of(1) } }, "a hash of something else"],
    ["a serial number's hash", { SerialNumberHashSha256: a }, "a hash of something else"],
    ["a token's hash", { tokenHash: a }, "a hash of something else"],
    ["the hash of recipients", { recipients_hash: a }, "a hash of something else"],
    ["a salt", { SALT: a }, "a key or token"],
    ["a DNSSEC digest", { digest: a, digestType: 1 }, "a DNSSEC digest"],
    ["a record's checksum", { checksum: a, hash_sha1: "" }, "a checksum of a record"],
    ["a version", { agent: { version: `v1.4.0+${a}` } }, "a version"],
    ["a version in text", { text: `agent 1.4.0+${a} started` }, "a version"],
    ["a page", { link: `https://example.com/detail/${a}?x=1` }, "a part of a URL"],
    ["an id", { id: a }, "an id"],
    ["a trace id in lower case", { traceid: md5Of(1) }, "an id"],
    ["a transaction id in lower case", { transactionid: a }, "an id"],
    ["a detection's id", { detection_id_dedup: a }, "an id"],
    ["a customer's id", { customerIDString: md5Of(1), cid: md5Of(2) }, "an id"],
    ["host groups", { HostGroups: [md5Of(1)] }, "an id"],
    ["a trace parent", { traceparent: `00-${md5Of(1)}-b7ad6b7169203331-01` }, "an id"],
    ["a key", { apiKey: md5Of(1) }, "a key or token"],
    ["an image's digest", { imageDigest: `sha256:${sha256Of(1)}` }, "a container"],
    [
      "a layer of an image",
      { layers: [{ mediaType: "layer", size: 1, digest: `sha256:${sha256Of(1)}` }] },
      "a container",
    ],
    ["a layer's hash", { sourceLayerHash: `sha256:${sha256Of(1)}` }, "a container"],
    ["an image reference", { text: `pulled x.example/app@sha256:${sha256Of(1)}` }, "a container"],
    ["a container in text", { text: `StopContainer for "${sha256Of(1)}"` }, "a container"],
    [
      "a container's hash beside its algorithm",
      { container: { hash: { value: a, algorithm: "SHA-1" } } },
      "a container",
    ],
    ["a directory", { path: `/run/containerd/k8s.io/${sha256Of(1)}/rootfs/x` }, "a directory"],
    ["a page without a scheme", { app: `x.example.com/saml/${sha256Of(1)}` }, "a part of a URL"],
    [
      "a fingerprint after its algorithm",
      { fingerprint: `sha256:${sha256Of(1)}` },
      "a certificate",
    ],
    ["the owner of a bucket", { bucketowner: sha256Of(1), requester: a }, "an id"],
    ["a record's identifier", { record_identifier: sha256Of(1) }, "an id"],
    ["a device token's hash", { dtHash: a }, "a hash of something else"],
    ["the hash of an incident", { IncidentHash: md5Of(1) }, "a hash of something else"],
    ["the hash of a thread", { thread_sha256: sha256Of(1) }, "a hash of something else"],
    ["the hash of a configuration", { text: `config-hash: ${a}` }, "a hash of something else"],
    [
      "an agent's id that an index repeats",
      { aid: md5Of(1), p_any_md5_hashes: [md5Of(1)] },
      "a device id",
    ],
    [
      "an import hash that an index repeats",
      { related: { hash: [md5Of(1)] }, pe: { imphash: md5Of(1) } },
      "a fingerprint that is not of a whole file",
    ],
    ["40 zeros", { sha1: "0".repeat(40) }, "a placeholder, not a computed hash"],
    ["64 f", { sha256: "F".repeat(64) }, "a placeholder, not a computed hash"],
  ])("is skipped with the reason: %s", (_, value, reason) => {
    const outcome = findInJson(value);
    expect(hashesOf(outcome)).toEqual([]);
    expect(new Set(reasonsOf(outcome))).toEqual(new Set([reason]));
  });

  test("is a file's hash when it is one in another place", () => {
    expect(findInJson({ id: a, sha1: a }, { where: true })).toEqual({
      kind: "found",
      hashes: [{ hash: a, kind: "sha1", where: ["/sha1"] }],
      skipped: [],
    });
  });

  test.each([
    ["before", { url: `see ${a}`, id: a }],
    ["after", { id: a, url: `see ${a}` }],
  ])("stays skipped when the same run has no name %s it", (_, value) => {
    expect(hashesOf(findInJson(value))).toEqual([]);
  });

  test("is taken when all runs are requested", () => {
    expect(hashesOf(findInJson({ DeviceId: a, imphash: md5Of(1) }, { all: true }))).toEqual([
      a,
      md5Of(1),
    ]);
  });
});

describe("an unnamed run of 32 digits", () => {
  test.each<[string, ParsedBody]>([
    ["the whole body", { kind: "json", value: md5Of(1) }],
    ["the whole text", { kind: "text", text: ` ${md5Of(1)}\n` }],
    ["a whole line", { kind: "text", text: `first line\n${md5Of(1)}\n` }],
    ["the only column", { kind: "json", value: { columns: ["x"], rows: [[md5Of(1)]] } }],
    ["an element of a list of hashes", { kind: "json", value: { x: [md5Of(1), a] } }],
  ])("counts as %s", (_, body) => {
    expect(hashesOf(findOrThrow(body))).toContain(md5Of(1));
  });

  test.each<[string, unknown]>([
    ["as a member", { aname: md5Of(1) }],
    ["in a sentence", { text: `seen as ${md5Of(1)} today` }],
    ["in a list with other values", { x: [md5Of(1), "b"] }],
    ["in a URL", [`https://falcon.crowdstrike.com/detail/${md5Of(1)}`]],
  ])("is skipped %s", (_, value) => {
    expect(hashesOf(findInJson(value))).toEqual([]);
  });

  test("is skipped with the hint to name it or to look up all", () => {
    expect(reasonsOf(findInJson({ x: md5Of(1) }))).toEqual([
      "an unnamed run of 32 digits: name it md5, or look up every run with all=true",
    ]);
  });

  test("counts when a name in another place says md5", () => {
    expect(hashesOf(findInJson({ x: md5Of(1), md5: md5Of(1) }))).toEqual([md5Of(1)]);
  });
});

describe("a search in portions", () => {
  const list = Array.from({ length: 9_000 }, (_, index) => sha1Of(index));
  const countPauses = async (body: ParsedBody): Promise<number> => {
    let pauses = 0;
    const options = { limits: wideLimits, where: true };
    const outcome = await findHashesInPortions(body, options, async () => {
      pauses += 1;
    });
    expect(outcome).toEqual(findHashes(body, options));
    return pauses;
  };

  test.each<[string, ParsedBody]>([
    ["a list", { kind: "json", value: list }],
    ["names", { kind: "json", value: Object.fromEntries(list.map((hash) => [hash, 1])) }],
    ["one name", { kind: "json", value: { [list.join(" ")]: list.join(" ") } }],
    ["one string", { kind: "json", value: [list.join(" ")] }],
    ["JSON in a string", { kind: "json", value: [JSON.stringify(list)] }],
    ["lines", { kind: "text", text: list.join("\n") }],
    ["cells", { kind: "text", text: `SHA1,x\n${list.map((hash) => `${hash},`).join("\n")}` }],
    ["a form", { kind: "form", fields: list.map((hash) => [hash, "x"] as const) }],
  ])("pauses at least once for each 550 hashes of %s and finds the same", async (_, body) => {
    expect(await countPauses(body)).toBeGreaterThanOrEqual(16);
  });

  test("does not pause for a small body", async () => {
    expect(await countPauses({ kind: "json", value: list.slice(0, 100) })).toBe(0);
  });
});

describe("a labelled field", () => {
  test.each<[string, unknown]>([
    ["CEF", { text: `cs2=x cs2Label=reason cs3=${md5Of(1)} cs3Label=md5` }],
    ["CEF with the label first", { text: `cs3Label=File Hash cs3=${md5Of(1)} act=block` }],
    ["members", { DeviceCustomString1: md5Of(1), DeviceCustomString1Label: "MD5" }],
  ])("is the file's hash that its label says: %s", (_, value) => {
    expect(hashesOf(findInJson(value))).toEqual([md5Of(1)]);
  });

  test.each<[string, unknown]>([
    ["CEF", { text: `cs1=${a} cs1Label=Device ID cs2=x` }],
    ["members", { flexString1: a, flexString1Label: "device id" }],
  ])("is skipped when its label says something else: %s", (_, value) => {
    const outcome = findInJson(value);
    expect([hashesOf(outcome), reasonsOf(outcome)]).toEqual([[], ["a device id"]]);
  });
});

describe("a table in text", () => {
  const deviceId = sha1Of("device");

  test.each([
    ["commas", `Timestamp,DeviceId,SHA1\n2025-01-01,${deviceId},${a}\n`],
    ["tabs", `Timestamp\tDeviceId\tSHA1\r\n2025-01-01\t${deviceId}\t${a}\r\n`],
    ["semicolons", `DeviceId;SHA1\n${deviceId};${a}`],
    ["quotes", `"DeviceId","SHA1","Text"\n"${deviceId}","${a}","a ""b"", c\nd"\n`],
    ["a byte order mark", `\uFEFFDeviceId,SHA1\n${deviceId},${a}`],
    ["a W3C header", `#Version: 1.0\n#Fields: date DeviceId SHA1\n2025-01-01 ${deviceId} ${a}\n`],
  ])("is read by the names of its columns: %s", (_, text) => {
    const outcome = findInText(text);
    expect(hashesOf(outcome)).toEqual([a]);
    expect(outcome.skipped.map(({ hash, reason }) => [hash, reason])).toEqual([
      [deviceId, "a device id"],
    ]);
  });

  test("gives the line of each cell", () => {
    const text = `DeviceId,SHA1,Note\n${deviceId},${a},"two\nlines"\n${deviceId},${b},x\n`;
    expect(findInText(text, { where: true }).hashes.map(({ where }) => where)).toEqual([
      ["/1"],
      ["/3"],
    ]);
  });

  test("is read in a JSON string, too", () => {
    expect(hashesOf(findInJson({ csv: `DeviceId,SHA1\n${deviceId},${a}\n` }))).toEqual([a]);
  });

  test.each([
    ["a quote that does not end", `DeviceId,SHA1\n"${deviceId},${a}\n${b},`],
    ["rows of another width", `Hello, my hash\nis ${a}\n`],
    ["a header that names nothing", `one,two\n${a},${b}\n`],
  ])("is searched as lines with %s", (_, text) => {
    expect(hashesOf(findInText(text))).toContain(a);
  });
});

describe("a limit", () => {
  const nestArrays = (depth: number): unknown =>
    JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);

  test.each<[string, unknown, string]>([
    ["33 levels", nestArrays(33), "at most 32 levels"],
    ["a million levels", nestArrays(1_000_000), "at most 32 levels"],
    ["20,001 elements", Array.from({ length: 20_001 }, () => 0), "has 20001"],
    [
      "20,001 members",
      Object.fromEntries(Array.from({ length: 20_001 }, (_, key) => [`k${key}`, 0])),
      "has 20001",
    ],
    ["a string beyond a million characters", ["x".repeat(1_048_577)], "has 1048577"],
    ["a number too large", [JSON.parse("1e400")], "range of a double"],
    ["__proto__", JSON.parse('{"x":{"__proto__":{"polluted":true}}}'), "must not have this name"],
    [
      "constructor.prototype",
      JSON.parse('{"constructor":{"prototype":{}}}'),
      "must not have this name",
    ],
  ])("refuses a body with %s", (_, value, message) => {
    const outcome = findHashes({ kind: "json", value }, { limits: wideLimits });
    expect(outcome).toMatchObject({
      kind: "outside-limits",
      fault: { message: expect.stringContaining(message) as string },
    });
  });

  test("accepts 20,000 hashes and refuses one more", () => {
    const createText = (count: number) =>
      Array.from({ length: count }, (_, index) => md5Of(index)).join("\n");
    expect(
      findHashes({ kind: "text", text: createText(maxHashes + 1) }, { limits: wideLimits }).kind,
    ).toBe("too-many");
    expect(findInText(createText(maxHashes)).hashes).toHaveLength(maxHashes);
  });

  test("leaves JSON in a string that exceeds it to be searched as text", () => {
    const deep = `${"[".repeat(40)}"sha1: ${a}"${"]".repeat(40)}`;
    expect(hashesOf(findInJson({ deep }))).toEqual([a]);
  });
});

/**
 * Payloads of any shape with hashes under telling names and ids of the same form planted in them.
 */
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

describe("any payload", () => {
  test("gives exactly the planted hashes and none of the planted ids", () => {
    fc.assert(
      fc.property(plant, ({ value, files, ids }) => {
        const outcome = findInJson(JSON.parse(JSON.stringify(value)));
        expect(hashesOf(outcome)).toEqual([...new Set(files)]);
        expect(outcome.skipped.map(({ hash }) => hash)).toEqual([...new Set(ids)]);
      }),
      { numRuns: 400 },
    );
  });

  test("gives every run between boundaries when all are requested", () => {
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

describe("one hash alone", () => {
  test.each([
    [a, a],
    [` ${a.toUpperCase()} `, a],
    [`sha1:${a}`, a],
    [`SHA-256 = ${sha256Of(1)}`, sha256Of(1)],
    [md5Of(1), md5Of(1)],
  ])("is read from %j", (text, hash) => {
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
  ])("is not read from %j", (text) => {
    expect(readHash(text)).toBeUndefined();
  });
});

test("places of hashes in a deep body are limited to 2 MiB, and every hash is found", () => {
  const names = Array.from({ length: 28 }, (_, level) => `level${level}${"x".repeat(60)}`);
  const list = Array.from({ length: 5_000 }, (_, index) => sha1Of(index));
  const value = names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), list);
  const found = findHashes({ kind: "json", value }, { limits: wideLimits, where: true });
  const hashes = found.kind === "found" ? found.hashes : [];
  expect(hashes).toHaveLength(5_000);
  const lengths = hashes.map(({ where }) => where.join("").length);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(2_100_000);
  expect(hashes[0]?.where).toHaveLength(1);
});
