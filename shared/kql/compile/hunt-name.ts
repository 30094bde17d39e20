/** Derives the name of a hunt: its file name in kebab case, 3 to 80 characters of `[a-z0-9-]`. */
import { createHash } from "node:crypto";
import { basename, extname } from "node:path";

const maxLength = 80;
const hashDigits = 6;

/** Converts text to kebab case: drops accents, splits at capitals and at other characters. */
const toKebabCase = (text: string): string =>
  text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");

/**
 * Returns the hunt name of a file. A longer one is cut at a word and gets six hex digits of its
 * hash, so that two long names differ.
 *
 * @returns undefined if fewer than three characters are left
 */
export function toHuntName(file: string): string | undefined {
  const fullName = toKebabCase(basename(file, extname(file)));
  if (fullName.length < 3) return undefined;
  if (fullName.length <= maxLength) return fullName;
  const maxPrefixLength = maxLength - hashDigits - 1;
  const cutAt =
    fullName[maxPrefixLength] === "-"
      ? maxPrefixLength
      : fullName.lastIndexOf("-", maxPrefixLength - 1);
  const prefix = fullName.slice(0, cutAt > 0 ? cutAt : maxPrefixLength);
  return `${prefix}-${createHash("sha256").update(fullName).digest("hex").slice(0, hashDigits)}`;
}
