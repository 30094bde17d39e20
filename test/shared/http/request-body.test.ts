import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { findFault, maxBodyBytes, strictLimits } from "../../../shared/contracts/parsed-body.ts";
import {
  parseAnyBody,
  parseJsonBody,
  readBodyBytes,
  readValidBody,
} from "../../../shared/http/request-body.ts";
import { Problem } from "../../../shared/contracts/problem.ts";

const schema = z.strictObject({ a: z.optional(z.number()) });

const encodeText = (text: string): Uint8Array => new TextEncoder().encode(text);

const createRequest = (
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
) => {
  const content = typeof body === "string" ? encodeText(body) : body;
  const all = new Headers({ "content-length": String(content.byteLength), ...headers });
  if (headers["content-length"] === "none") all.delete("content-length");
  return { headers: all, arrayBuffer: () => Promise.resolve(new Uint8Array(content).buffer) };
};

const findStatus = async (work: () => unknown): Promise<number | undefined> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof Problem) return error.status;
    throw error;
  }
  return undefined;
};

describe("reading a body", () => {
  test("gives its bytes as they are", async () => {
    expect(await readBodyBytes(createRequest("\u00E9{}"))).toEqual(encodeText("\u00E9{}"));
  });

  test.each<[string, ReturnType<typeof createRequest>, number]>([
    ["one byte over the limit", createRequest(new Uint8Array(maxBodyBytes + 1)), 413],
    [
      "a length over the limit",
      createRequest("{}", { "content-length": String(maxBodyBytes + 1) }),
      413,
    ],
    [
      "more bytes than its length says",
      createRequest(new Uint8Array(maxBodyBytes + 1), { "content-length": "2" }),
      413,
    ],
    ["gzip", createRequest("{}", { "content-encoding": "gzip" }), 415],
    [
      "a chunked body, which does not arrive",
      createRequest("", { "content-length": "none", "transfer-encoding": "chunked" }),
      411,
    ],
    ["neither a body nor a length", createRequest("", { "content-length": "none" }), 411],
    ["an empty body", createRequest(""), 400],
  ])("refuses %s", async (_, incoming, status) => {
    expect(await findStatus(() => readBodyBytes(incoming))).toBe(status);
  });

  test("takes a whole mebibyte", async () => {
    expect((await readBodyBytes(createRequest(new Uint8Array(maxBodyBytes)))).byteLength).toBe(
      maxBodyBytes,
    );
  });
});

describe("parsing JSON", () => {
  test.each([
    "application/json",
    "application/json; charset=UTF-8",
    "application/cloudevents+json",
  ])("takes %s", (type) => {
    expect(parseJsonBody(encodeText('{"a":1}'), type)).toEqual({ a: 1 });
  });

  test.each<[string, string | Uint8Array, string | null, number]>([
    ["no media type", "{}", null, 415],
    ["text", "{}", "text/plain", 415],
    ["another charset", "{}", "application/json; charset=utf-16", 415],
    ["broken JSON", "{", "application/json", 400],
    ["bytes that are no UTF-8", new Uint8Array([0x22, 0xc3, 0x28, 0x22]), "application/json", 400],
    [
      "UTF-16 with a mark",
      new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
      "application/json",
      400,
    ],
    ["UTF-16 without a mark", new Uint8Array([0x7b, 0x00, 0x7d, 0x00]), "application/json", 400],
    ["a million levels", "[".repeat(500_000) + "]".repeat(500_000), "application/json", 400],
    ["a number too large", "[1e400]", "application/json", 400],
    ["__proto__", '{"__proto__":{"x":1}}', "application/json", 400],
  ])("refuses %s", async (_, body, type, status) => {
    const content = typeof body === "string" ? encodeText(body) : body;
    expect(await findStatus(() => parseJsonBody(content, type))).toBe(status);
  });

  test.each([
    ["a member", '{"a":1,"b":{"a":2},"a":3}', "/a"],
    ["a member written with an escape", String.raw`{"a":1,"\u0061":2}`, "/a"],
    ["a member of an element", '{"list":[{},{"b":1,"b":1}]}', "/list/1/b"],
  ])("refuses a body that repeats %s, and names it", async (_, body, path) => {
    const refused = { status: 400, errors: [{ path, message: "must not be repeated" }] };
    const bytes = encodeText(body);
    expect(() => parseJsonBody(bytes, "application/json")).toThrow(
      expect.objectContaining(refused) as Error,
    );
    expect(() => parseAnyBody(bytes, "application/json")).toThrow(
      expect.objectContaining(refused) as Error,
    );
    expect(() => parseAnyBody(bytes, "text/plain")).toThrow(
      expect.objectContaining(refused) as Error,
    );
  });

  test("never repeats the body in its refusal", () => {
    expect(() => parseJsonBody(encodeText('{"password":"hunter2'), "application/json")).toThrow(
      /^The body is not valid JSON\.$/,
    );
  });

  test("a valid body is read, parsed and validated in one step", async () => {
    const type = { "content-type": "application/json" };
    expect(await readValidBody(createRequest('{"a":1}', type), schema)).toEqual({ a: 1 });
    await expect(readValidBody(createRequest('{"a":"x"}', type), schema)).rejects.toMatchObject({
      status: 400,
      errors: [{ path: "/a" }],
    });
  });

  test("an optional body may be missing", async () => {
    const options = { isOptional: true };
    expect(await readValidBody(createRequest(""), schema, options)).toEqual({});
    const noLength = createRequest("", { "content-length": "none" });
    expect(await readValidBody(noLength, schema, options)).toEqual({});
  });

  test("an optional body that was sent chunked is 411, because it did not arrive", async () => {
    const chunked = { "content-length": "none", "transfer-encoding": "chunked" };
    const read = readValidBody(createRequest("", chunked), schema, { isOptional: true });
    await expect(read).rejects.toMatchObject({ status: 411 });
  });
});

describe("parsing anything", () => {
  test.each<[string, string, string | null, unknown]>([
    ["JSON", '{"a":1}', "application/json", { kind: "json", value: { a: 1 } }],
    [
      "a form",
      "a=1&a=2&b=%7B%7D",
      "application/x-www-form-urlencoded",
      {
        kind: "form",
        fields: [
          ["a", "1"],
          ["a", "2"],
          ["b", "{}"],
        ],
      },
    ],
    ["text", "a b", "text/plain", { kind: "text", text: "a b" }],
    ["text without a type", "a b", null, { kind: "text", text: "a b" }],
    ["XML", "<a/>", "application/xml", { kind: "text", text: "<a/>" }],
    [
      "JSON labelled as a form",
      ' {"a":1}',
      "application/x-www-form-urlencoded",
      { kind: "json", value: { a: 1 } },
    ],
    ["JSON labelled as text", "[1]", "text/plain", { kind: "json", value: [1] }],
    ["what only begins like JSON", "{a}", "text/plain", { kind: "text", text: "{a}" }],
    ["text with a byte order mark", "\uFEFFa", "text/plain", { kind: "text", text: "a" }],
  ])("takes %s", (_, body, type, parsed) => {
    expect(parseAnyBody(encodeText(body), type)).toEqual(parsed);
  });

  test.each<[string, string, string, number]>([
    ["a picture", "x", "image/png", 415],
    ["a form in parts", "x", "multipart/form-data; boundary=x", 415],
    ["broken JSON", "x", "application/json", 400],
    ["text with NUL", "a\0b\0", "text/plain", 400],
    ["20,001 fields", "a&".repeat(20_000), "application/x-www-form-urlencoded", 400],
    ["200,001 values in many lists", `[${"[],".repeat(200_000)}[]]`, "application/json", 400],
  ])("refuses %s", async (_, body, type, status) => {
    expect(await findStatus(() => parseAnyBody(encodeText(body), type))).toBe(status);
  });
});

describe("the limits", () => {
  const valid = { list: [1, "x", { deep: [true, null] }] };

  test("pass a sound value", () => {
    expect(findFault(valid, strictLimits)).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    ["1,001 elements", { list: Array.from({ length: 1_001 }, () => 1) }, "/list"],
    [
      "2,001 keys",
      { o: Object.fromEntries(Array.from({ length: 2_001 }, (_, index) => [`k${index}`, 1])) },
      "/o",
    ],
    ["a string beyond 32 KiB", { a: ["x".repeat(32_769)] }, "/a/0"],
    ["a name beyond 32 KiB", { a: { ["x".repeat(32_769)]: 1 } }, "/a"],
    [
      "33 levels",
      { a: JSON.parse(`${"[".repeat(32)}${"]".repeat(32)}`) as unknown },
      `/a${"/0".repeat(31)}`,
    ],
    ["a number too large", { "a/b~": Infinity }, "/a~1b~0"],
  ])("name the place of %s", (_, value, path) => {
    expect(findFault(value, strictLimits)?.path).toBe(path);
  });

  test("leave the prototype of everything else alone", () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    for (const text of [
      '{"__proto__":{"x":1}}',
      '{"constructor":{"prototype":{"x":1}}}',
      '{"a":{"__proto__":[]}}',
    ])
      expect(findFault(JSON.parse(text), strictLimits)?.message).toContain(
        "must not have this name",
      );
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });

  test("accept names that only look dangerous", () => {
    expect(
      findFault({ toString: "x", constructor: "MSVC", prototype: 1 }, strictLimits),
    ).toBeUndefined();
  });
});
