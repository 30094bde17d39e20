import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findRepeatedMembers } from "../../../shared/contracts/repeated-members.ts";

describe("findRepeatedMembers", () => {
  test.each([
    ['{"a":1,"a":2}', [{ path: "/a", name: "a", value: 1 }]],
    [String.raw`{"a":1,"\u0061":2}`, [{ path: "/a", name: "a", value: 1 }]],
    [
      '{"list":[{"b":1},{"x/y":[1,2],"x/y" : {"a":"}"}}]}',
      [{ path: "/list/1/x~1y", name: "x/y", value: [1, 2] }],
    ],
    [
      '{"a":{"k":"v, \\"a\\":1"},"b":1,"a":[],"a":null}',
      [
        { path: "/a", name: "a", value: { k: 'v, "a":1' } },
        { path: "/a", name: "a", value: [] },
      ],
    ],
    ['{"a":{"a":{"a":1}},"b":["a","a"]}', []],
    ['[{"a":1},{"a":1}]', []],
    ['"a"', []],
    ['{"__proto__":1,"__proto__":2}', [{ path: "/__proto__", name: "__proto__", value: 1 }]],
  ])("finds in %s what a parser drops", (text, expected) => {
    expect(findRepeatedMembers(text)).toEqual(expected);
  });

  test("finds none in what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(3), (text, indent) => {
        const pretty = JSON.stringify(JSON.parse(text), undefined, indent);
        expect(findRepeatedMembers(pretty)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("finds the first of two members of any name and value", () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), (name, first, second) => {
        const key = JSON.stringify(name);
        const text = `{${key}: ${JSON.stringify(first)} ,\n${key}:${JSON.stringify(second)}}`;
        expect(findRepeatedMembers(text)).toMatchObject([
          { name, value: JSON.parse(JSON.stringify(first)) as unknown },
        ]);
      }),
      { numRuns: 500 },
    );
  });
});
