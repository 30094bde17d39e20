import { expect, test } from "vitest";
import { suggestWord } from "../../../shared/runtime/suggest-word.ts";

const columns = ["FileName", "FileSize", "FolderPath", "SHA1"];

test.each([
  ["FileNam", "FileName"],
  ["filename", "FileName"],
  ["FielName", "FileName"],
  ["SHA2", "SHA1"],
  ["FoldrPth", "FolderPath"],
])("suggests for %s the column %s", (word, expected) => {
  expect(suggestWord(word, columns)).toBe(expected);
});

test.each(["", "MD5", "Size", "FilePath1"])("suggests nothing for %j", (word) => {
  expect(suggestWord(word, columns)).toBeUndefined();
});
