import { describe, expect, test } from "vitest";
import { getRegex } from "../../../../shared/kql/evaluate/regex.ts";

describe("regular expressions of the service", () => {
  test.each([
    ["a(?i)b(?-i)c", "aBc", true],
    ["a(?i)b(?-i)c", "aBC", false],
    ["(x(?i)y)z", "xYz", true],
    ["(x(?i)y)z", "xYZ", false],
    ["(?i:a)b", "Ab", true],
    [String.raw`(?P<drive>[a-z]):\\`, String.raw`c:\ `, true],
    [String.raw`\A\d+\z`, "12\n", false],
    ["(?m)^b$", "a\nb\nc", true],
    ["a.b", "a\rb", true],
    ["a.b", "a\nb", false],
    ["(?s)a.b", "a\nb", true],
    [String.raw`\Qa.b\E+`, "a.bb", true],
    [String.raw`\Qa.b\E`, "axb", false],
    ["[[:alpha:]_]+[[:digit:]]", "ab_1", true],
    ["[]x]+", "]x", true],
    [String.raw`\x{41}\x42\103`, "ABC", true],
    [String.raw`\pL\p{Greek}`, "aα", true],
    [String.raw`a\-b\"c\/d`, 'a-b"c/d', true],
    ["a{x}", "a{x}", true],
    ["a{2}", "aa", true],
  ])("%s over %j is %s", (pattern, text, isMatch) => {
    expect(getRegex(pattern)?.test(text)).toBe(isMatch);
  });

  test("the flag U swaps greedy and lazy", () => {
    expect(getRegex("(?U)a+(b*?)")?.exec("aabb")?.slice(0, 2)).toEqual(["abb".slice(0, 1), ""]);
    expect(getRegex("(?U)a+?")?.exec("aa")?.[0]).toBe("aa");
  });

  test.each([
    ["look-ahead", "a(?=b)"],
    ["a negative look-ahead", "a(?!b)"],
    ["look-behind", "(?<=a)b"],
    ["a reference to a group", String.raw`(a)\1`],
    ["an atomic group", "(?>a)"],
    ["an unknown escape", String.raw`a\y`],
    ["an open group", "(a"],
    ["a group that is closed twice", "a)"],
    ["an open class", "[a"],
    ["an unknown class", "[[:foo:]]"],
  ])("%s is refused", (_, pattern) => {
    expect(getRegex(pattern)).toBeUndefined();
  });
});
