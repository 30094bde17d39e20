import { describe, expect, test } from "vitest";
import { isPointer, textsAt, valuesAt } from "../../../shared/webhooks/pointers.ts";

const body = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "m~n": 8,
  alerts: [{ id: "1" }, { id: 2 }, { other: true }, "text", null],
  lists: [["a", ["b"]], "c", " ", false],
};

describe("a pointer", () => {
  // The examples of RFC 6901, section 5.
  test.each<[string, unknown[]]>([
    ["", [body]],
    ["/foo", [body.foo]],
    ["/foo/0", ["bar"]],
    ["/", [0]],
    ["/a~1b", [1]],
    ["/m~0n", [8]],
    ["/foo/2", []],
    ["/foo/-", []],
    ["/foo/00", []],
    ["/foo/length", []],
    ["/toString", []],
    ["/__proto__", []],
    ["/foo/0/0", []],
    ["/alerts/*/id", ["1", 2]],
  ])("the pointer %j returns its values", (pointer, values) => {
    expect(valuesAt(body, pointer)).toEqual(values);
  });

  test("textsAt returns texts, numbers and booleans as text, enters one list and omits blanks", () => {
    expect(textsAt(body, "/alerts/*/id")).toEqual(["1", "2"]);
    expect(textsAt(body, "/lists/*")).toEqual(["a", "c", "false"]);
    expect(textsAt(body, "/alerts/0")).toEqual([]);
  });

  test.each([
    ["", true],
    ["/a/b~0c~1d", true],
    ["a", false],
    ["/a~2", false],
    ["/a~", false],
    ["#/a", false],
  ])("isPointer(%j) is %s", (text, is) => {
    expect(isPointer(text)).toBe(is);
  });
});
