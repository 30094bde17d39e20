/**
 * Parses `local.settings.json`, the settings file of Azure Functions Core Tools. No message ever
 * quotes the file: it may hold connection strings.
 */
import { decodeText } from "./decode-text.ts";

/** The file cannot be used. The message names what to change, never a value. */
class LocalSettingsError extends Error {
  override readonly name = "LocalSettingsError";
}

/**
 * Returns the file's `Values` as text. Accepts what Core Tools accepts: a byte order mark,
 * comments, and a comma after the last member.
 *
 * @throws LocalSettingsError when the file is not readable, is encrypted, or holds a nested value
 */
export function parseLocalSettings(bytes: Uint8Array): Record<string, string> {
  const decoded = decodeText(bytes);
  if (decoded.kind === "invalid") throw createError(decoded.message);
  const settings = parseJson(stripJsonExtras(decoded.text));
  if (!isObject(settings)) throw createError("must be a JSON object with the member Values.");
  if (String(settings["IsEncrypted"]).toLowerCase() === "true")
    throw createError("/IsEncrypted must be false. Run: func settings decrypt");
  const values = settings["Values"] ?? {};
  if (!isObject(values)) throw createError("/Values must be an object.");
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      if (value === null) return [];
      if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
        throw createError(`/Values/${name} must be text. Write nested JSON as one string.`);
      return [[name, String(value)]];
    }),
  );
}

const createError = (message: string): LocalSettingsError =>
  new LocalSettingsError(`local.settings.json: ${message}`);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The parser's own message quotes the file, so only the place of the error is kept. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    const before = text.slice(0, position === undefined ? text.length : Number(position));
    const line = before.split("\n").length;
    throw createError(
      `must be JSON; the error is at or before line ${line}. Check commas, quotes and brackets.`,
    );
  }
}

/** Replaces comments and trailing commas by blanks; lines and columns stay. Strings are kept. */
function stripJsonExtras(text: string): string {
  const withoutComments = text.replaceAll(
    /("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g,
    (match, quoted: string | undefined) => quoted ?? match.replaceAll(/[^\n]/g, " "),
  );
  return withoutComments.replaceAll(
    /("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])/g,
    (_, quoted: string | undefined) => quoted ?? " ",
  );
}
