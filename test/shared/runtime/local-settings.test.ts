import { describe, expect, test } from "vitest";
import { parseLocalSettings } from "../../../shared/runtime/local-settings.ts";

const key = "AccountKey=SuperSecretKeyMaterial1234567890";
const parseText = (text: string): Record<string, string> => parseLocalSettings(Buffer.from(text));

describe("local.settings.json", () => {
  test.each([
    ["a byte order mark", `\uFEFF{"Values":{"A":"1"}}`],
    ["line comments", `{ // settings\n"Values":{"A":"1" // one\n}}`],
    ["block comments", `{/* a\nb */"Values":{"A":"1"}}`],
    ["trailing commas", `{"Values":{"A":"1",},}`],
  ])("is read with %s", (_, text) => {
    expect(parseText(text)).toEqual({ A: "1" });
  });

  test("keeps slashes and commas inside of strings", () => {
    expect(parseText(`{"Values":{"A":"https://x/*y*/","B":"1,}"}}`)).toEqual({
      A: "https://x/*y*/",
      B: "1,}",
    });
  });

  test("converts numbers and booleans to text and leaves out null", () => {
    expect(parseText(`{"Values":{"A":1,"B":true,"C":null}}`)).toEqual({ A: "1", B: "true" });
  });

  test.each([
    ["text that is not JSON", `{"Values":{"DataStorage":"${key}"`, /must be JSON; .* line 1/],
    ["a missing comma", `{"Values":{\n"A":"${key}"\n"B":"1"}}`, /must be JSON; .* line \d/],
    ["null", "null", /must be a JSON object/],
    ["a list", `["${key}"]`, /must be a JSON object/],
    ["encryption", `{"IsEncrypted":true,"Values":{"A":"${key}"}}`, /\/IsEncrypted must be false/],
    ["encryption as text", `{"IsEncrypted":"true"}`, /\/IsEncrypted must be false/],
    ["a nested value", `{"Values":{"A":{"B":"${key}"}}}`, /\/Values\/A must be text/],
  ])("is refused with %s, and its content is never quoted", (_, text, message) => {
    let error: unknown;
    try {
      parseText(text);
    } catch (caught) {
      error = caught;
    }
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain("SuperSecret");
  });
});
