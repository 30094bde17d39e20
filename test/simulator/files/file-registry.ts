/** The files that Defender knows: those of the dataset and those that tests add or change. */
import type { KnownFile } from "../dataset/entities.ts";

export interface FileRegistry {
  /** Finds a file by SHA-1, SHA-256 or MD5 in lower case. */
  readonly find: (hash: string) => KnownFile | undefined;
  /** Adds or changes the file with this SHA-1. Absent values are drawn from the hash. */
  readonly put: (file: Partial<KnownFile> & { readonly sha1: string }) => KnownFile;
  /** Removes the file: calls get 404 from now on. */
  readonly remove: (sha1: string) => void;
  /** Returns a new array after each change, otherwise the same one. */
  readonly list: () => readonly KnownFile[];
}

/** Starts with `files`; FileProfile() in hunting reads the same registry, so that both agree. */
export function createFileRegistry(files: readonly KnownFile[]): FileRegistry {
  const bySha1 = new Map(files.map((file) => [file.sha1, file]));
  let cachedList: readonly KnownFile[] | undefined;
  let byHash: ReadonlyMap<string, KnownFile> | undefined;
  const invalidateCaches = (): void => {
    cachedList = undefined;
    byHash = undefined;
  };
  const listFiles = (): readonly KnownFile[] => (cachedList ??= [...bySha1.values()]);
  const indexByHash = (): ReadonlyMap<string, KnownFile> =>
    (byHash ??= new Map(
      listFiles().flatMap((file) => hashesOf(file).map((hash) => [hash, file] as const)),
    ));
  return {
    find: (hash) => indexByHash().get(hash),
    put: (file) => {
      const completeFile = { ...(bySha1.get(file.sha1) ?? createUnknownFile(file.sha1)), ...file };
      bySha1.set(file.sha1, completeFile);
      invalidateCaches();
      return completeFile;
    },
    remove: (sha1) => {
      bySha1.delete(sha1);
      invalidateCaches();
    },
    list: listFiles,
  };
}

const hashesOf = ({ sha1, sha256, md5 }: KnownFile): string[] => [sha1, sha256, md5];

/** An unsigned file without any statistics. */
const createUnknownFile = (sha1: string): KnownFile => ({
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
  isMicrosoft: false,
});
