/** The name of a hunt: its file name in kebab case, 3 to 80 characters of `[a-z0-9-]`. */
import { createHash } from "node:crypto";
import { basename, extname } from "node:path";

const longest = 80;
const digits = 6;

/** Kebab case of any text: accents dropped, words split at capitals and at whatever is no letter or digit. */
export const kebab = (text: string): string =>
  text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");

/**
 * The name a file gives its hunt. A longer one is cut at a word and gets six hex digits of its whole, so that two long
 * names stay apart.
 *
 * @returns undefined when fewer than three characters are left
 */
export function huntName(file: string): string | undefined {
  const whole = kebab(basename(file, extname(file)));
  if (whole.length < 3) return undefined;
  if (whole.length <= longest) return whole;
  const room = longest - digits - 1;
  const cut = whole[room] === "-" ? room : whole.lastIndexOf("-", room - 1);
  const start = whole.slice(0, cut > 0 ? cut : room);
  return `${start}-${createHash("sha256").update(whole).digest("hex").slice(0, digits)}`;
}
