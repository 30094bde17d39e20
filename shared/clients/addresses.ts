/** IP addresses and ranges, IPv4 and IPv6. */
import { BlockList, isIP } from "node:net";

const cachedLists = new Map<string, BlockList | undefined>();

/** Returns whether an address is within one of the ranges. An invalid address is within none. */
export function isWithin(address: string, ranges: readonly string[]): boolean {
  const key = ranges.join(" ");
  if (!cachedLists.has(key)) cachedLists.set(key, toBlockList(ranges));
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const family = isIP(plain);
  return (
    family !== 0 && cachedLists.get(key)?.check(plain, family === 6 ? "ipv6" : "ipv4") === true
  );
}

/** Returns what is wrong with a range, or `undefined`. */
export const findRangeFault = (range: string): string | undefined =>
  toBlockList([range]) ? undefined : "an address or a range such as 203.0.113.0/24";

function toBlockList(ranges: readonly string[]): BlockList | undefined {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIP(address);
    const maxBits = family === 6 ? 128 : 32;
    const prefixLength =
      bits === undefined ? maxBits : /^\d{1,3}$/.test(bits) ? Number(bits) : maxBits + 1;
    if (family === 0 || prefixLength > maxBits) return undefined;
    list.addSubnet(address, prefixLength, family === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
