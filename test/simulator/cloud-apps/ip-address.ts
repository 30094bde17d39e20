/** IP addresses as Cloud Apps stores them: IPv6, with IPv4 mapped into it. */
import { isIPv4, isIPv6 } from "node:net";

/** One range of an IP range item. */
export interface Subnet {
  readonly mask: number;
  /** Eight groups of four hex digits. */
  readonly address: string;
  readonly originalString: string;
}

const mappedBits = 96;

/** Reads `10.0.0.0/8`, `10.0.0.1` or `2001:db8::/32`; undefined for anything else. */
export function readSubnet(text: string): Subnet | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const groups = isIPv4(address)
    ? mapToIpv6(address)
    : isIPv6(address)
      ? expandGroups(address)
      : undefined;
  const bits = isIPv4(address) ? 32 : 128;
  const mask = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (!groups || rest.length > 0 || !(mask <= bits)) return undefined;
  return {
    mask: mask + (bits === 32 ? mappedBits : 0),
    address: groups.map((group) => group.padStart(4, "0")).join(":"),
    originalString: text,
  };
}

function mapToIpv6(address: string): string[] {
  const hex = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["0", "0", "0", "0", "0", "ffff", hex.slice(0, 2).join(""), hex.slice(2).join("")];
}

function expandGroups(address: string): string[] {
  const [head = "", tail] = address.toLowerCase().split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from(
    { length: tail === undefined ? 0 : 8 - left.length - right.length },
    () => "0",
  );
  return [...left, ...zeros, ...right];
}
