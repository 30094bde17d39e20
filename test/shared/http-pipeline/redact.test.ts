import { describe, expect, test } from "vitest";
import { redact } from "../../../shared/http-pipeline/redact.ts";

describe("redact", () => {
  test.each([
    ["a token that was sent", "bad Xk3-secret!", "bad [removed]", ["Xk3-secret!"]],
    ["its form in an address", "at a%20b%20c%20d", "at [removed]", ["a b c d"]],
    ["any bearer token", "got 'Bearer abc.def'", "got '[removed]'", []],
    ["a portal token", "Token U0VDUkVU is invalid", "[removed] is invalid", []],
    ["a JSON Web Token", "x eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln y", "x [removed] y", []],
    ["a JSON Web Token that was cut", "x eyJhbGciOiJub25lIn0.eyJhI", "x [removed]", []],
    ["a signature", "sv=2024&sig=a%2Fb%3D&x=1", "sv=2024&[removed]&x=1", []],
    ["a password in JSON", '{"client_secret":"pa55"}', '{"[removed]"}', []],
    [
      "an address's query",
      "GET https://h.example/p?code=1&b=2 failed",
      "GET https://h.example/p[removed] failed",
      [],
    ],
    ["an address's user", "https://user:pw@h.example/", "https://[removed]h.example/", []],
    ["long runs", `x ${"Ab1/".repeat(20)} y`, "x [removed] y", []],
  ])("removes %s", (_, text, expected, secrets) => {
    expect(redact(text, secrets)).toBe(expected);
  });

  test("keeps text that people need", () => {
    const text =
      "'where' operator: Failed to resolve table or column expression named 'DeviceX'. Fix semantic errors in your query.";
    expect(redact(text)).toBe(text);
    expect(redact("Resource 44d88612fea8a8f36de82e1278abb02f44d88612 was not found")).toContain(
      "44d88612fea8",
    );
  });

  test("keeps one line of at most 500 characters", () => {
    expect(redact("a\r\nb\u2028c\u0000d")).toBe("a b c d");
    expect(redact("ab ".repeat(1_000))).toHaveLength(500);
  });

  test("does not search for short secrets, so that words stay", () => {
    expect(redact("a banana", ["a"])).toBe("a banana");
  });
});
