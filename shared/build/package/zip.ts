/** Creates zip archives whose bytes depend on the contents only: fixed order, time, attributes. */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipEntry {
  /** Relative, with forward slashes. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** 1 January 1980, the earliest date of the format. */
const dosDate = 0x0021;
const dosTime = 0;
const version = 20;
const deflateMethod = 8;
/** Names are UTF-8. */
const flags = 0x0800;
/** Made on Unix, a plain file, readable by all. */
const madeBy = (3 << 8) | version;
const attributes = (0o100644 << 16) >>> 0;

/** Returns the archive; entries are ordered by name. */
export function createZip(entries: readonly ZipEntry[]): Buffer {
  const sortedEntries = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { bytes, name } of sortedEntries) {
    const compressed = deflateRawSync(bytes, { level: 9 });
    const common = createCommonHeader(name, bytes, compressed.length);
    const header = Buffer.concat([
      encodeUint32(0x04034b50),
      encodeUint16(version),
      common,
      Buffer.from(name),
    ]);
    const centralFields = Buffer.concat([
      encodeUint16(0),
      encodeUint16(0),
      encodeUint16(0),
      encodeUint32(attributes),
      encodeUint32(offset),
    ]);
    central.push(
      encodeUint32(0x02014b50),
      encodeUint16(madeBy),
      encodeUint16(version),
      common,
      centralFields,
      Buffer.from(name),
    );
    local.push(header, compressed);
    offset += header.length + compressed.length;
  }
  const directory = Buffer.concat(central);
  const end = [
    encodeUint32(0x06054b50),
    encodeUint16(0),
    encodeUint16(0),
    encodeUint16(sortedEntries.length),
    encodeUint16(sortedEntries.length),
  ];
  return Buffer.concat([
    ...local,
    directory,
    ...end,
    encodeUint32(directory.length),
    encodeUint32(offset),
    encodeUint16(0),
  ]);
}

const createCommonHeader = (name: string, bytes: Uint8Array, compressedLength: number): Buffer =>
  Buffer.concat([
    encodeUint16(flags),
    encodeUint16(deflateMethod),
    encodeUint16(dosTime),
    encodeUint16(dosDate),
    encodeUint32(crc32(bytes)),
    encodeUint32(compressedLength),
    encodeUint32(bytes.length),
    encodeUint16(Buffer.byteLength(name)),
    encodeUint16(0),
  ]);

function encodeUint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
