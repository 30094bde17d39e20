/** A zip archive whose bytes depend on its contents alone: fixed order, fixed time, fixed attributes. */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipEntry {
  /** With forward slashes, relative. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** 1 January 1980, the earliest day a zip can name. */
const dosDate = 0x0021;
const dosTime = 0;
const version = 20;
const deflated = 8;
/** Names are UTF-8. */
const flags = 0x0800;
/** Made on Unix, a plain file, readable by all. */
const madeBy = (3 << 8) | version;
const attributes = (0o100644 << 16) >>> 0;

/** @returns the archive; entries are put in the order of their names */
export function zip(entries: readonly ZipEntry[]): Buffer {
  const sorted = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { bytes, name } of sorted) {
    const packed = deflateRawSync(bytes, { level: 9 });
    const shared = sharedHeader(name, bytes, packed.length);
    const head = Buffer.concat([u32(0x04034b50), u16(version), shared, Buffer.from(name)]);
    const where = Buffer.concat([u16(0), u16(0), u16(0), u32(attributes), u32(offset)]);
    central.push(u32(0x02014b50), u16(madeBy), u16(version), shared, where, Buffer.from(name));
    local.push(head, packed);
    offset += head.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = [u32(0x06054b50), u16(0), u16(0), u16(sorted.length), u16(sorted.length)];
  return Buffer.concat([...local, directory, ...end, u32(directory.length), u32(offset), u16(0)]);
}

const sharedHeader = (name: string, bytes: Uint8Array, packedLength: number): Buffer =>
  Buffer.concat([
    u16(flags),
    u16(deflated),
    u16(dosTime),
    u16(dosDate),
    u32(crc32(bytes)),
    u32(packedLength),
    u32(bytes.length),
    u16(Buffer.byteLength(name)),
    u16(0),
  ]);

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
