import { expect, test } from "vitest";
import { parseBicep } from "./parse.ts";

test.each([
  ["var a = union({} {})", "arguments of a call"],
  ["var a = [1 2]", "items of an array in one line"],
  ["var a = { b: 1 c: 2 }", "members of an object in one line"],
])("refuses %s: %s need a comma, as Bicep requires", (text) => {
  expect(() => parseBicep("a.bicep", text)).toThrow(/want ,/);
});

test("accepts line ends and trailing comments between items", () => {
  const text =
    "var a = [\n  1 // one\n  2\n]\nvar b = {\n  c: 1\n  d: 2\n}\nvar e = f(\n  1,\n  2\n)\n";
  expect(parseBicep("a.bicep", text).map(({ name }) => name)).toEqual(["a", "b", "e"]);
});
