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

/** What may be said of a version besides its value. */
interface SecretAttributes {
  readonly enabled?: boolean;
  /** Epoch milliseconds. */
  readonly expiresAtMs?: number;
  readonly notBeforeMs?: number;
  readonly contentType?: string;
}

export interface SecretStore {
  /** Adds a version, which becomes the newest: a rotation. @returns the version's name */
  readonly set: (name: string, value: string, attributes?: SecretAttributes) => string;
  /** Changes the newest version. @returns false when there is no such secret */
  readonly change: (name: string, attributes: SecretAttributes) => boolean;
  readonly remove: (name: string) => boolean;
  readonly value: (name: string) => string | undefined;
  readonly names: () => string[];
  /** Newest last. */
  readonly versions: (name: string) => readonly SecretVersion[];
  readonly isDeleted: (name: string) => boolean;
}

export function createSecretStore(nowMs: () => number): SecretStore {
  const secrets = new Map<string, SecretVersion[]>();
  const deleted = new Set<string>();
  const key = (name: string): string => name.toLowerCase();
  return {
    set: (name, value, attributes = {}) => {
      const versions = secrets.get(key(name)) ?? [];
      const version = createHash("md5")
        .update(`${key(name)}#${versions.length}`)
        .digest("hex");
      const made: SecretVersion = {
        version,
        value,
        createdS: Math.floor(nowMs() / 1_000),
        enabled: true,
        expiresS: undefined,
        notBeforeS: undefined,
        contentType: undefined,
      };
      apply(made, attributes);
      secrets.set(key(name), [...versions, made]);
      deleted.delete(key(name));
      return version;
    },
    change: (name, attributes) => {
      const newest = secrets.get(key(name))?.at(-1);
      if (newest) apply(newest, attributes);
      return newest !== undefined;
    },
    remove: (name) => {
      const had = secrets.delete(key(name));
      if (had) deleted.add(key(name));
      return had;
    },
    value: (name) => secrets.get(key(name))?.at(-1)?.value,
    names: () => [...secrets.keys()].sort(),
    versions: (name) => secrets.get(key(name)) ?? [],
    isDeleted: (name) => deleted.has(key(name)),
  };
}

function apply(version: SecretVersion, attributes: SecretAttributes): void {
  const seconds = (ms: number): number => Math.floor(ms / 1_000);
  if (attributes.enabled !== undefined) version.enabled = attributes.enabled;
  if (attributes.expiresAtMs !== undefined) version.expiresS = seconds(attributes.expiresAtMs);
  if (attributes.notBeforeMs !== undefined) version.notBeforeS = seconds(attributes.notBeforeMs);
  if (attributes.contentType !== undefined) version.contentType = attributes.contentType;
}
