import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compileMappings, type CompiledMappings } from "../../../shared/build/compile-mappings.ts";

function compileFiles(files: Readonly<Record<string, string>>): CompiledMappings {
  const folder = mkdtempSync(join(tmpdir(), "huntline-mappings-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  try {
    return compileMappings(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const findProblems = (text: string): [string, string][] => {
  const outcome = compileFiles({ "acme.yaml": text });
  return outcome.kind === "problems"
    ? outcome.problems.map(({ message, path }) => [path, message])
    : [];
};

describe("a folder of mappings", () => {
  test("becomes one object by file name, one pointer and several alike", () => {
    expect(
      compileFiles({ "acme.yaml": "title: /a\nhashes: [/b, /c]\n", "notes.txt": "x" }),
    ).toEqual({
      kind: "mappings",
      mappings: { acme: { required: [], title: ["/a"], hashes: ["/b", "/c"] } },
    });
  });

  test.each<[string, string, string]>([
    ["a misspelt key", "titel: /a\n", "/titel"],
    ["what is no pointer", "title: a.b\n", "/title"],
    [
      "a verdict without closings",
      "verdict: { alertIds: /a, closed: { at: /s, words: closed }, classification: /c, closings: [] }\n",
      "/verdict/closings",
    ],
    [
      "a closing that there is not",
      "verdict: { alertIds: /a, closed: { at: /s, words: closed }, classification: /c, closings: [{ action: ignore, words: x }] }\n",
      "/verdict/closings/0/action",
    ],
    ["no YAML", "title: [\n", ""],
    ["nothing", "", ""],
  ])("with %s is refused at its place", (_, text, path) => {
    expect(findProblems(text).map(([at]) => at)).toContain(path);
  });
});
