/** Entities of the organization: devices, users, files. All are drawn from the seed. */

/** One machine. */
export interface Device {
  /** 40 hex digits, so that an extractor must distinguish it from a SHA-1. */
  readonly id: string;
  readonly name: string;
  readonly osPlatform: string;
  readonly osVersion: string;
  readonly osBuild: bigint;
  readonly kind: "Workstation" | "Server";
  readonly group: string;
  readonly ip: string;
  readonly publicIp: string;
  readonly mac: string;
  readonly aadId: string;
  /** Index of its usual user. */
  readonly owner: number;
}

/** One person, or a service account. */
export interface User {
  readonly name: string;
  readonly domain: string;
  readonly display: string;
  readonly upn: string;
  readonly sid: string;
  readonly objectId: string;
  readonly department: string;
  readonly title: string;
  readonly city: string;
  /** Two letters. */
  readonly country: string;
  readonly ip: string;
  readonly isAdmin: boolean;
}

/** One file as Defender knows it. */
export interface KnownFile {
  readonly sha1: string;
  readonly sha256: string;
  readonly md5: string;
  readonly name: string;
  readonly folder: string;
  /** Bytes. */
  readonly size: bigint;
  readonly company: string;
  readonly product: string;
  readonly version: string;
  readonly description: string;
  readonly originalName: string;
  /** Empty for an unsigned file. */
  readonly signer: string;
  readonly issuer: string;
  readonly signerHash: string;
  readonly publisher: string;
  /** Devices worldwide. */
  readonly globalPrevalence: bigint;
  /** Ticks. */
  readonly globalFirstSeen: bigint;
  readonly globalLastSeen: bigint;
  readonly determinationType: "Unknown" | "Clean" | "Malware" | "Pua";
  /** Name of the threat, empty for none. */
  readonly determinationValue: string;
  readonly isMicrosoft: boolean;
}

/** All entities of the organization. */
export interface Organization {
  readonly seed: number;
  readonly domain: string;
  readonly devices: readonly Device[];
  readonly users: readonly User[];
  readonly files: readonly KnownFile[];
  /** Returns the file of that name. @throws Error if there is none */
  readonly getFile: (name: string) => KnownFile;
  readonly programs: readonly KnownFile[];
  readonly libraries: readonly KnownFile[];
  readonly documents: readonly KnownFile[];
  readonly rare: readonly KnownFile[];
}
