/** Addresses and ranges of them, IPv4 and IPv6. */
import { BlockList, isIP } from "node:net";

const known = new Map<string, BlockList | undefined>();

/** Whether an address lies within one of the ranges; one that is no address lies in none. */
export function isWithin(address: string, ranges: readonly string[]): boolean {
  const name = ranges.join(" ");
  if (!known.has(name)) known.set(name, listOf(ranges));
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const family = isIP(plain);
  return family !== 0 && known.get(name)?.check(plain, family === 6 ? "ipv6" : "ipv4") === true;
}

/** What is wrong with a range, or `undefined`. */
export const rangeFault = (range: string): string | undefined =>
  listOf([range]) ? undefined : "an address or a range such as 203.0.113.0/24";

function listOf(ranges: readonly string[]): BlockList | undefined {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIP(address);
    const most = family === 6 ? 128 : 32;
    const width = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : most + 1;
    if (family === 0 || width > most) return undefined;
    list.addSubnet(address, width, family === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
