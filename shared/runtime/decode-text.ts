/** Decodes files that a person wrote, strictly: no byte is replaced in silence. */

export type DecodedText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "invalid"; readonly message: string };

/**
 * Decodes UTF-8 with or without a byte order mark, and UTF-16 with one. Returns the text without
 * the mark. Anything else is invalid; the message names the encoding and what to do.
 */
export function decodeText(bytes: Uint8Array): DecodedText {
  const encoding = findEncoding(bytes);
  if (encoding === undefined)
    return toInvalid("UTF-16 without a byte order mark", "Save the file as UTF-8.");
  try {
    return { kind: "text", text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch {
    return encoding === "utf-8"
      ? toInvalid("not UTF-8, perhaps Windows-1252", "Save the file as UTF-8.")
      : toInvalid(`damaged ${encoding.toUpperCase()}`, "Save the file as UTF-8.");
  }
}

const toInvalid = (encoding: string, fix: string): DecodedText => ({
  kind: "invalid",
  message: `The file's encoding must be UTF-8, or UTF-16 with a byte order mark; it is ${encoding}. ${fix}`,
});

/** Returns the encoding by the byte order mark; UTF-8 without one, `undefined` for bare UTF-16. */
function findEncoding(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  // KQL and YAML never hold a NUL; bare UTF-16 of Latin letters has one in every second byte.
  const isBareUtf16 = bytes.length > 1 && (bytes[0] === 0) !== (bytes[1] === 0);
  return isBareUtf16 ? undefined : "utf-8";
}
