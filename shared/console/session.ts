/** How the console authenticates: a host key, an Entra token, or neither on a local machine. */
import { acquireToken } from "./sign-in.ts";

/** Where to sign in, from `console/config.json`. */
export interface ConsoleConfig {
  readonly entra: EntraConfig | null;
  /** Origin of the Defender portal in this cloud. */
  readonly portalUrl: string;
}

export interface EntraConfig {
  readonly authority: string;
  readonly clientId: string;
  readonly scope: string;
}

const storageKey = "huntline-console-key";
let config: ConsoleConfig = { entra: null, portalUrl: "https://security.microsoft.com" };

export const readConfig = (): ConsoleConfig => config;

/** Loads the configuration, which everyone may read. */
export async function loadConfig(): Promise<ConsoleConfig> {
  const response = await fetch("/api/console/config.json", { cache: "no-store" });
  if (response.ok) config = (await response.json()) as ConsoleConfig;
  return config;
}

/** Returns the headers that authenticate a call. The key is never part of a URL. */
export async function createHeaders(): Promise<Record<string, string>> {
  const key = sessionStorage.getItem(storageKey);
  const token = config.entra ? await acquireToken(config.entra) : undefined;
  return {
    accept: "application/json",
    ...(key === null ? {} : { "x-functions-key": key }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
}

const tenantKey = "huntline-console-tenant";
const defaultTenant = "default";

/** Returns the tenant whose data the tab shows. */
export const readTenant = (): string => sessionStorage.getItem(tenantKey) ?? defaultTenant;

/** Keeps the choice until the tab is closed. */
export const storeTenant = (tenant: string): void => sessionStorage.setItem(tenantKey, tenant);

/**
 * Names the tab's tenant in a call. An address that the API returned names its own: a job's key is
 * valid for one tenant.
 */
export function addTenant(url: URL): void {
  const tenant = readTenant();
  const isNamed = url.searchParams.has("tenant") || url.searchParams.has("key");
  if (tenant !== defaultTenant && !isNamed) url.searchParams.set("tenant", tenant);
}

/** Keeps the key until the tab is closed. */
export const storeKey = (key: string): void => sessionStorage.setItem(storageKey, key);

const refusals = new EventTarget();

/** Removes a key that the API refused, and shows the sign-in page. */
export function reportRefused(): void {
  forgetKey();
  refusals.dispatchEvent(new Event("refused"));
}

/** Calls `listener` after each refusal. @returns a function that removes the listener */
export function onRefused(listener: () => void): () => void {
  refusals.addEventListener("refused", listener);
  return () => refusals.removeEventListener("refused", listener);
}

/** Removes the key. */
export const forgetKey = (): void => sessionStorage.removeItem(storageKey);

export const hasKey = (): boolean => sessionStorage.getItem(storageKey) !== null;

/** The result of a first call: what the user must still do. */
export type Access = "granted" | "keyRequired" | "signInRequired" | "unreachable";

/** Finds out what the API requires. A local host requires nothing. */
export async function probeAccess(): Promise<Access> {
  if (config.entra && (await acquireToken(config.entra)) === undefined) return "signInRequired";
  try {
    const response = await fetch("/api/hunts", {
      headers: await createHeaders(),
      cache: "no-store",
    });
    return response.status === 401 || response.status === 403 ? "keyRequired" : "granted";
  } catch {
    return "unreachable";
  }
}
