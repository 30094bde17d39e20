/** The files Defender knows: the world's own, and those that tests add or change. */
import type { KnownFile } from "../dataset/entities.ts";

export interface FileBook {
  /** By SHA-1, SHA-256 or MD5, lower case. */
  readonly find: (hash: string) => KnownFile | undefined;
  /** Adds a file, or changes the one with this SHA-1. What is not named is drawn from the hash. */
  readonly put: (file: Partial<KnownFile> & { readonly sha1: string }) => KnownFile;
  /** Defender forgets it: 404 from now on. */
  readonly remove: (sha1: string) => void;
  /** A new array after each change, the same one until then. */
  readonly all: () => readonly KnownFile[];
}

/** Starts with `files`; hunting's FileProfile() reads the same book, so that both ways agree. */
export function createFileBook(files: readonly KnownFile[]): FileBook {
  const bySha1 = new Map(files.map((file) => [file.sha1, file]));
  let list: readonly KnownFile[] | undefined;
  let byHash: ReadonlyMap<string, KnownFile> | undefined;
  const changed = (): void => {
    list = undefined;
    byHash = undefined;
  };
  const all = (): readonly KnownFile[] => (list ??= [...bySha1.values()]);
  const index = (): ReadonlyMap<string, KnownFile> =>
    (byHash ??= new Map(
      all().flatMap((file) => hashesOf(file).map((hash) => [hash, file] as const)),
    ));
  return {
    find: (hash) => index().get(hash),
    put: (file) => {
      const whole = { ...(bySha1.get(file.sha1) ?? stranger(file.sha1)), ...file };
      bySha1.set(file.sha1, whole);
      changed();
      return whole;
    },
    remove: (sha1) => {
      bySha1.delete(sha1);
      changed();
    },
    all,
  };
}

const hashesOf = ({ sha1, sha256, md5 }: KnownFile): string[] => [sha1, sha256, md5];

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
