/** The files Defender knows: the world's own, and those that tests add or change. */
import type { KnownFile } from "../world/entities.ts";
import type { World } from "../world/world.ts";

export interface FileBook {
  /** By SHA-1, SHA-256 or MD5, lower case. */
  readonly find: (hash: string) => KnownFile | undefined;
  /** Adds a file, or changes the one with this SHA-1. What is not named is drawn from the hash. */
  readonly put: (file: Partial<KnownFile> & { readonly sha1: string }) => KnownFile;
  /** Defender forgets it: 404 from now on. */
  readonly remove: (sha1: string) => void;
  readonly all: () => readonly KnownFile[];
}

/** `files` of the world is read live, so that hunting's FileProfile() and this book agree. */
export function createFileBook(world: World): FileBook {
  const changed = new Map<string, KnownFile | undefined>();
  const current = (): KnownFile[] => [
    ...world.files.filter(({ sha1 }) => !changed.has(sha1)),
    ...[...changed.values()].flatMap((file) => file ?? []),
  ];
  let index: Map<string, KnownFile> | undefined;
  let indexed = -1;
  const byHash = (): Map<string, KnownFile> => {
    if (index && indexed === world.files.length) return index;
    index = new Map(
      current().flatMap((file) => [file.sha1, file.sha256, file.md5].map((hash) => [hash, file] as const)),
    );
    indexed = world.files.length;
    return index;
  };
  return {
    find: (hash) => byHash().get(hash),
    put: (file) => {
      const whole = { ...(byHash().get(file.sha1) ?? stranger(file.sha1)), ...file };
      changed.set(file.sha1, whole);
      index = undefined;
      return whole;
    },
    remove: (sha1) => {
      changed.set(sha1, undefined);
      index = undefined;
    },
    all: current,
  };
}

/** An unsigned file nobody knows anything about. */
const stranger = (sha1: string): KnownFile => ({
  sha1,
  sha256: sha1.padEnd(64, "0"),
  md5: sha1.slice(0, 32),
  name: `${sha1.slice(0, 8)}.exe`,
  folder: String.raw`C:\Users\Public`,
  size: 4_096n,
  company: "",
  product: "",
  version: "",
  description: "",
  originalName: "",
  signer: "",
  issuer: "",
  signerHash: "",
  publisher: "",
  globalPrevalence: 1n,
  globalFirstSeen: 17_672_256_000_000_000n,
  globalLastSeen: 17_672_256_000_000_000n,
  determinationType: "Unknown",
  determinationValue: "",
  microsoft: false,
});
