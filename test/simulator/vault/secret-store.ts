/** The vault's secrets and their versions. */
import { createHash } from "node:crypto";

/** One version of a secret; instants in epoch seconds, as the vault counts. */
export interface SecretVersion {
  readonly version: string;
  readonly value: string;
  readonly createdS: number;
  enabled: boolean;
  expiresS: number | undefined;
  notBeforeS: number | undefined;
  contentType: string | undefined;
}

/** Attributes of a version. */
interface SecretAttributes {
  readonly enabled?: boolean;
  /** Epoch milliseconds. */
  readonly expiresAtMs?: number;
  readonly notBeforeMs?: number;
  readonly contentType?: string;
}

export interface SecretStore {
  /** Adds a version, which becomes the newest. @returns the version's name */
  readonly set: (name: string, value: string, attributes?: SecretAttributes) => string;
  /** Changes the newest version. @returns false if the secret does not exist */
  readonly change: (name: string, attributes: SecretAttributes) => boolean;
  readonly remove: (name: string) => boolean;
  readonly readValue: (name: string) => string | undefined;
  readonly listNames: () => string[];
  /** Newest last. */
  readonly listVersions: (name: string) => readonly SecretVersion[];
  readonly isDeleted: (name: string) => boolean;
}

export function createSecretStore(nowMs: () => number): SecretStore {
  const secrets = new Map<string, SecretVersion[]>();
  const deletedNames = new Set<string>();
  const normalizeName = (name: string): string => name.toLowerCase();
  return {
    set: (name, value, attributes = {}) => {
      const versions = secrets.get(normalizeName(name)) ?? [];
      const version = createHash("md5")
        .update(`${normalizeName(name)}#${versions.length}`)
        .digest("hex");
      const created: SecretVersion = {
        version,
        value,
        createdS: Math.floor(nowMs() / 1_000),
        enabled: true,
        expiresS: undefined,
        notBeforeS: undefined,
        contentType: undefined,
      };
      applyAttributes(created, attributes);
      secrets.set(normalizeName(name), [...versions, created]);
      deletedNames.delete(normalizeName(name));
      return version;
    },
    change: (name, attributes) => {
      const newest = secrets.get(normalizeName(name))?.at(-1);
      if (newest) applyAttributes(newest, attributes);
      return newest !== undefined;
    },
    remove: (name) => {
      const existed = secrets.delete(normalizeName(name));
      if (existed) deletedNames.add(normalizeName(name));
      return existed;
    },
    readValue: (name) => secrets.get(normalizeName(name))?.at(-1)?.value,
    listNames: () => [...secrets.keys()].sort(),
    listVersions: (name) => secrets.get(normalizeName(name)) ?? [],
    isDeleted: (name) => deletedNames.has(normalizeName(name)),
  };
}

function applyAttributes(version: SecretVersion, attributes: SecretAttributes): void {
  const toSeconds = (ms: number): number => Math.floor(ms / 1_000);
  if (attributes.enabled !== undefined) version.enabled = attributes.enabled;
  if (attributes.expiresAtMs !== undefined) version.expiresS = toSeconds(attributes.expiresAtMs);
  if (attributes.notBeforeMs !== undefined) version.notBeforeS = toSeconds(attributes.notBeforeMs);
  if (attributes.contentType !== undefined) version.contentType = attributes.contentType;
}
