/** IPv6 addresses, and IPv4 ones as their IPv6 form. */
import { mapAny, mapTexts, type FunctionTable } from "./function-compiler.ts";

interface Network {
  /** 128 bits. */
  readonly base: bigint;
  readonly bits: number;
}

const ipv4Pattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Returns 32 bits, or undefined. */
function parseIpv4Bits(text: string): bigint | undefined {
  const parts = ipv4Pattern.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((whole, part) => (whole << 8n) | BigInt(part), 0n);
}

/** Returns 128 bits, or undefined. */
function parseIpv6Bits(text: string): bigint | undefined {
  const written = text.replace(/(?<=:)\d+\.\d+\.\d+\.\d+$/, (tail) => {
    const ipv4 = parseIpv4Bits(tail);
    return ipv4 === undefined
      ? tail
      : `${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}`;
  });
  const halves = written.split("::");
  if (halves.length > 2 || !written.includes(":")) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => "0"), ...rest];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((whole, group) => (whole << 16n) | BigInt(`0x${group}`), 0n);
}

/** Reads an address with an optional prefix length; an IPv4 one counts from bit 96. */
function parseNetwork(text: string, maxBits = 128): Network | undefined {
  // The service reads `::1.2.3.4` as the IPv4 address.
  const [address = "", prefix, ...rest] = text
    .trim()
    .replace(/^::(?=\d+\.)/, "")
    .split("/");
  const ipv4 = parseIpv4Bits(address);
  const base = ipv4 === undefined ? parseIpv6Bits(address) : (0xffffn << 32n) | ipv4;
  const width = ipv4 === undefined ? 128 : 32;
  const length = prefix === undefined ? width : /^\d+$/.test(prefix) ? Number(prefix) : width + 1;
  if (base === undefined || rest.length > 0 || length > width) return undefined;
  return { base, bits: Math.min(maxBits, 128 - width + length) };
}

const maskBits = (value: bigint, bits: number): bigint => value >> BigInt(128 - bits);

function compareNetworks(one: string, other: string, bits: string): bigint | null {
  const maxBits = Number(bits);
  const [first, second] = [parseNetwork(one, maxBits), parseNetwork(other, maxBits)];
  if (first === undefined || second === undefined) return null;
  const length = Math.min(first.bits, second.bits);
  const [left, right] = [maskBits(first.base, length), maskBits(second.base, length)];
  return left < right ? -1n : left > right ? 1n : 0n;
}

/** Writes all eight groups with four digits each, after the mask. */
function formatAddress({ base, bits }: Network): string {
  const masked = bits === 0 ? 0n : maskBits(base, bits) << BigInt(128 - bits);
  return (masked.toString(16).padStart(32, "0").match(/.{4}/g) ?? []).join(":");
}

function formatIpv6(text: string, bits = "128"): string {
  const network = parseNetwork(text, Number(bits));
  return network === undefined ? "" : formatAddress(network);
}

export const isInRange = (text: string, range: string): boolean | null => {
  const [address, network] = [parseNetwork(text), parseNetwork(range)];
  if (address === undefined || network === undefined) return null;
  return maskBits(address.base, network.bits) === maskBits(network.base, network.bits);
};

export const ipv6Functions: FunctionTable = {
  parse_ipv6: mapTexts("string", (text = "") => formatIpv6(text)),
  parse_ipv6_mask: mapTexts("string", (text = "", bits = "128") => formatIpv6(text, bits)),
  ipv6_compare: mapTexts("int", (one = "", other = "", bits = "128") => {
    const order = compareNetworks(one, other, bits);
    return order === null ? null : Number(order);
  }),
  ipv6_is_match: mapTexts("bool", (one = "", other = "", bits = "128") => {
    const order = compareNetworks(one, other, bits);
    return order === null ? null : order === 0n;
  }),
  ipv6_is_in_range: mapTexts("bool", (text = "", range = "") => isInRange(text, range)),
  ipv6_is_in_any_range: mapAny("bool", ([text, ...ranges]) =>
    parseNetwork(String(text)) === undefined
      ? null
      : ranges.flat().some((range) => isInRange(String(text), String(range)) === true),
  ),
};
