/**
 * Function keys: generated once, kept in an ignored file, compared in constant time. Off unless
 * asked for.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { AuthLevel } from "./index-functions.ts";

export interface Keys {
  /** Opens everything, the admin addresses too. */
  readonly master: string;
  /** Opens every function of level `function`. */
  readonly host: string;
  /** Each opens one function. */
  readonly functions: Readonly<Record<string, string>>;
}

/**
 * Reads the keys of `file`, makes what is missing and writes it back, readable by its owner only.
 */
export function loadKeys(file: string, functionNames: readonly string[]): Keys {
  const stored = readStoredKeys(file);
  const keys: Keys = {
    master: stored.master ?? createKey(),
    host: stored.host ?? createKey(),
    functions: Object.fromEntries(
      functionNames.map((name) => [name, stored.functions?.[name] ?? createKey()]),
    ),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  return keys;
}

const createKey = (): string => randomBytes(40).toString("base64url");

function readStoredKeys(file: string): Partial<Keys> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Partial<Keys>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new Error(`cannot read the keys in ${file}; delete it to have new ones made`, {
      cause: error,
    });
  }
}

/**
 * Returns whether `key` allows access at `level`. Without `name` the request is for a route of the
 * host. The header's key counts before the query's: the caller picks.
 */
export function isKeyAccepted(
  keys: Keys,
  key: string | undefined,
  level: AuthLevel,
  name?: string,
): boolean {
  if (level === "anonymous") return true;
  if (key === undefined) return false;
  if (isEqualKey(key, keys.master)) return true;
  if (level === "admin") return false;
  const functionKey = name === undefined ? undefined : keys.functions[name];
  return isEqualKey(key, keys.host) || (functionKey !== undefined && isEqualKey(key, functionKey));
}

const hashText = (text: string): Buffer => createHash("sha256").update(text).digest();
const isEqualKey = (a: string, b: string): boolean => timingSafeEqual(hashText(a), hashText(b));
