/** Reads the files of the operator console, which the build wrote beside the bundle. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { clouds, readSettings } from "../runtime/settings.ts";

interface ConsoleFile {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const mediaTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

interface StoredFile {
  readonly plain: Uint8Array;
  readonly compressed: Uint8Array;
}

const fileCache = new Map<string, Promise<StoredFile>>();

/**
 * Reads one file, from disk at its first use only. The empty name is the page itself.
 *
 * @returns undefined if the console does not have the file
 */
export async function readConsoleFile(
  requestedName: string,
  acceptedEncodings: string | null,
): Promise<ConsoleFile | undefined> {
  const name = requestedName === "" ? "index.html" : requestedName;
  const path = join(consoleFolder(), name);
  // Names without a slash only, so that no path leads out of the folder.
  if (!/^[\w-]+(?:\.[\w-]+)*\.(?:html|js|css)$/.test(name) || !existsSync(path)) return undefined;
  const stored = fileCache.get(name) ?? loadFile(path);
  fileCache.set(name, stored);
  const { compressed, plain } = await stored;
  const isCompressed = /\bgzip\b/.test(acceptedEncodings ?? "");
  return {
    status: 200,
    headers: {
      ...createHeaders(name),
      ...(isCompressed ? { "content-encoding": "gzip" } : {}),
    },
    body: isCompressed ? compressed : plain,
  };
}

/** The console's folder: beside the bundle, or in `dist/` when run from source. */
function consoleFolder(): string {
  const folder = dirname(fileURLToPath(import.meta.url));
  const bundled = join(folder, "console");
  return existsSync(join(bundled, "index.html")) ? bundled : join(folder, "../../dist/console");
}

async function loadFile(path: string): Promise<StoredFile> {
  const plain = await readFile(path);
  return { plain, compressed: await promisify(gzip)(plain, { level: 9 }) };
}

/** Files other than the page have their content's hash in their name and never change. */
const createHeaders = (name: string): Record<string, string> => ({
  "content-type": mediaTypes[name.slice(name.lastIndexOf(".") + 1)] ?? "text/plain",
  "cache-control": name === "index.html" ? "no-cache" : "public, max-age=31536000, immutable",
  "content-security-policy": createPolicy(),
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  vary: "accept-encoding",
});

/** Allows the page's own files and the login host, and neither inline code nor frames around it. */
function createPolicy(): string {
  const { entra } = createConsoleConfig();
  const login = entra === null ? "" : ` ${new URL(entra.authority).origin}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self'${login}`,
    `frame-src ${login === "" ? "'none'" : login.trim()}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** What the page must know before it signs in: the login host, if Entra tokens are required. */
interface ConsoleConfig {
  readonly entra: {
    readonly authority: string;
    readonly clientId: string;
    readonly scope: string;
  } | null;
  readonly portalUrl: string;
}

/** Returns the page's configuration; everyone may read it. @throws SettingsError */
export function createConsoleConfig(): ConsoleConfig {
  const { CLOUD, CONSOLE_CLIENT_ID, ENTRA_CLIENT_ID } = readSettings([
    "CLOUD",
    "CONSOLE_CLIENT_ID",
    "ENTRA_CLIENT_ID",
  ]);
  const portalUrl = clouds[CLOUD].portal;
  if (CONSOLE_CLIENT_ID === undefined || ENTRA_CLIENT_ID === undefined)
    return { entra: null, portalUrl };
  const { LOGIN_URL, TENANT_ID } = readSettings(["LOGIN_URL", "TENANT_ID"]);
  return {
    entra: {
      authority: `${LOGIN_URL ?? clouds[CLOUD].login}/${TENANT_ID}`,
      clientId: CONSOLE_CLIENT_ID,
      scope: `api://${ENTRA_CLIENT_ID}/.default`,
    },
    portalUrl,
  };
}
