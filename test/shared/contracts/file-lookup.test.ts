import { describe, expect, test } from "vitest";
import { readLookup, readLookupQuery } from "../../../shared/contracts/file-lookup.ts";
import { Problem } from "../../../shared/contracts/problem.ts";

const parseQuery = (text = ""): URLSearchParams => new URLSearchParams(text);
const toJsonBody = (value: unknown) => ({ kind: "json", value }) as const;
const findFaultPaths = (work: () => unknown): string[] => {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem && error.status === 400)
      return error.errors.map(({ path }) => path);
    throw error;
  }
  return ["nothing refused"];
};

describe("the query string", () => {
  test("has defaults", () => {
    expect(readLookupQuery(parseQuery("code=key"))).toEqual({
      lookBackHours: 720,
      information: false,
      where: false,
      all: false,
    });
  });

  test("is read in any case", () => {
    expect(
      readLookupQuery(
        parseQuery("lookbackhours=24&include=information&where=true&all=1&globalRareBelow=100"),
      ),
    ).toEqual({
      lookBackHours: 24,
      information: true,
      where: true,
      all: true,
      thresholds: { globalRareBelow: 100 },
    });
  });

  test.each([
    ["lookBackHours=0", "/lookBackHours"],
    ["lookBackHours=721", "/lookBackHours"],
    ["lookBackHours=1.5", "/lookBackHours"],
    ["lookBackHours=1e2", "/lookBackHours"],
    ["lookBackHours=-1", "/lookBackHours"],
    ["lookBackHours=", "/lookBackHours"],
    ["lookBackHours=1,2", "/lookBackHours"],
    ["lookBackHours=024", "/lookBackHours"],
    ["include=signer", "/include"],
    ["where=yes", "/where"],
    ["globalRareBelow=0", "/globalRareBelow"],
  ])("refuses %s", (text, path) => {
    expect(findFaultPaths(() => readLookupQuery(parseQuery(text)))).toEqual([path]);
  });

  test.each([1, 720])("takes a look-back of %i hours", (hours) => {
    expect(readLookupQuery(parseQuery(`lookBackHours=${hours}`)).lookBackHours).toBe(hours);
  });
});

describe("the body", () => {
  const valid = {
    sha1: ["a", "b"],
    lookBackHours: 24,
    include: "information",
    thresholds: { globalRareBelow: 5 },
  };

  test("in its explicit form is a list with options", () => {
    expect(readLookup(parseQuery("globalCommonFrom=9"), toJsonBody(valid))).toEqual({
      options: {
        lookBackHours: 24,
        information: true,
        where: false,
        all: false,
        thresholds: { globalRareBelow: 5, globalCommonFrom: 9 },
      },
      input: { kind: "list", hashes: ["a", "b"] },
    });
  });

  test("may list one hash, or hashes of each kind", () => {
    expect(
      readLookup(parseQuery(), toJsonBody({ sha1: "a", sha256: ["b"], md5: ["c"] })).input,
    ).toEqual({
      kind: "list",
      hashes: ["a", "b", "c"],
    });
  });

  test.each<[string, object, string]>([
    ["a number for the list", { sha1: 5 }, "/sha1"],
    ["a number in the list", { sha1: ["a", 5] }, "/sha1/1"],
    ["a look-back of 0", { lookBackHours: 0 }, "/lookBackHours"],
    ["a look-back of 721", { lookBackHours: 721 }, "/lookBackHours"],
    ["a broken look-back", { lookBackHours: 1.5 }, "/lookBackHours"],
    ["a look-back in text", { lookBackHours: "24" }, "/lookBackHours"],
    ["a look-back in a list", { lookBackHours: [24] }, "/lookBackHours"],
    ["an unknown include", { include: "signer" }, "/include"],
    ["an unknown threshold", { thresholds: { rare: 1 } }, "/thresholds/rare"],
  ])("is refused with %s", (_, change, path) => {
    expect(
      findFaultPaths(() => readLookup(parseQuery(), toJsonBody({ ...valid, ...change }))),
    ).toEqual([path]);
  });

  test("names a key written in another case", () => {
    expect(
      findFaultPaths(() => readLookup(parseQuery(), toJsonBody({ sha1: ["a"], lookbackhours: 1 }))),
    ).toEqual(["/lookbackhours"]);
  });

  test("lists at most 20,000 hashes", () => {
    const list = Array.from({ length: 20_001 }, () => "a");
    expect(findFaultPaths(() => readLookup(parseQuery(), toJsonBody({ sha1: list })))).toEqual([
      "",
    ]);
  });

  test.each<[string, unknown]>([
    ["a key that is not ours", { sha1: "a", fileName: "x.exe" }],
    ["no list", { lookBackHours: 5 }],
    ["an array", ["a"]],
  ])("with %s is a payload to search", (_, value) => {
    expect(readLookup(parseQuery(), toJsonBody(value)).input).toEqual({
      kind: "payload",
      body: toJsonBody(value),
    });
  });
});
