/** Addresses, paths and URLs. */
import { mapAny, mapTexts, type FunctionTable } from "./function-compiler.ts";

/** An IPv4 address as 32 bits, or `undefined`. */
function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text.trim());
  const parts = match?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((whole, part) => whole * 256 + part, 0);
}

interface Ipv4Network {
  readonly base: number;
  readonly bits: number;
}

function parseNetwork(text: string, bits = 32): Ipv4Network | undefined {
  const [address = "", prefix] = text.split("/");
  const base = parseIpv4(address);
  const length = Math.min(bits, prefix === undefined ? 32 : Number(prefix));
  return base === undefined || !(length >= 0 && length <= 32) ? undefined : { base, bits: length };
}

const maskAddress = (value: number, bits: number): number =>
  bits === 0 ? 0 : Math.floor(value / 2 ** (32 - bits));

const isWithin = (address: Ipv4Network, net: Ipv4Network): boolean =>
  maskAddress(address.base, Math.min(address.bits, net.bits)) ===
  maskAddress(net.base, Math.min(address.bits, net.bits));

export const isInRange = (text: string, range: string): boolean | null => {
  const [address, net] = [parseNetwork(text), parseNetwork(range)];
  return address === undefined || net === undefined ? null : isWithin(address, net);
};

const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

function isPrivate(text: string): boolean | null {
  const address = parseNetwork(text);
  return address === undefined
    ? null
    : privateNetworks.some((range) => isInRange(text, range) === true);
}

function compareAddresses(one: string, other: string, bits: number): bigint | null {
  const [first, second] = [parseNetwork(one, bits), parseNetwork(other, bits)];
  if (first === undefined || second === undefined) return null;
  const length = Math.min(first.bits, second.bits);
  return BigInt(Math.sign(maskAddress(first.base, length) - maskAddress(second.base, length)));
}

const formatIpv4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");

/** Returns the fewest networks that cover all addresses of a range; null for invalid ones. */
function listNetworks(from: string, to: string): readonly string[] | null {
  const [start, end] = [parseIpv4(from), parseIpv4(to)];
  if (start === undefined || end === undefined || start > end) return null;
  const networks: string[] = [];
  for (let base = start; base <= end;) {
    let bits = 32;
    const sizeOf = (length: number): number => 2 ** (32 - length);
    while (bits > 0 && base % sizeOf(bits - 1) === 0 && base + sizeOf(bits - 1) - 1 <= end)
      bits -= 1;
    networks.push(`${formatIpv4(base)}/${bits}`);
    base += sizeOf(bits);
  }
  return networks;
}

/** Finds an address, or its prefix such as `10.1.`, between characters that are not part of one. */
function hasIpv4(text: string, address: string, isPrefix: boolean): boolean {
  const isValid = isPrefix
    ? /^(?:\d{1,3}\.){1,3}$/.test(address) || parseIpv4(address) !== undefined
    : parseIpv4(address) !== undefined;
  if (!isValid) return false;
  return [...text.matchAll(/(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w)(?!\.\d)/g)].some(
    ([found]) =>
      parseIpv4(found) !== undefined &&
      (isPrefix ? found.startsWith(address) : parseIpv4(found) === parseIpv4(address)),
  );
}

const createAnyAddressTest = (isPrefix: boolean): FunctionTable[string] =>
  mapAny("bool", ([text, ...addresses]) =>
    addresses.flat().some((address) => hasIpv4(String(text), String(address), isPrefix)),
  );

/** `parse_url`: every part of a URL, empty where it has none. */
function parseUrl(text: string): unknown {
  const match =
    /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:([^/@:?#]*)(?::([^/@?#]*))?@)?([^/:?#]*)(?::(\d+))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/i.exec(
      text,
    );
  const [
    ,
    scheme = "",
    user = "",
    password = "",
    host = "",
    port = "",
    path = "",
    query = "",
    fragment = "",
  ] = match ?? [];
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => [pair.split("=")[0] ?? "", pair.split("=").slice(1).join("=")] as const);
  return {
    Scheme: scheme,
    Host: host,
    Port: port,
    Path: path,
    Username: user,
    Password: password,
    "Query Parameters": Object.fromEntries(pairs),
    Fragment: fragment,
  };
}

const evaluateParseUrl = mapTexts("dynamic", (text = "") => parseUrl(text));
const evaluateParseUrlQuery = mapTexts("dynamic", (text = "") => ({
  "Query Parameters": Object.fromEntries(new URLSearchParams(text)),
}));

/** `parse_path`: the parts of a Windows path, a Unix path or a `file://` URL. */
function parsePath(text: string): unknown {
  const scheme = /^([a-z]{2,}):\/\//i.exec(text)?.[1] ?? "";
  const path = scheme === "" ? text : text.slice(scheme.length + 3);
  const cut = Math.max(path.lastIndexOf("\\"), path.lastIndexOf("/"));
  const [, filename = "", stream = ""] = /^([^:]*)(?::(.+))?$/.exec(path.slice(cut + 1)) ?? [];
  const folder = cut < 0 ? "" : path.slice(0, cut);
  const dot = filename.lastIndexOf(".");
  return {
    Scheme: scheme,
    RootPath: /^[a-z]:/i.exec(path)?.[0] ?? "",
    DirectoryPath: folder,
    DirectoryName: folder.split(/[\\/]/).at(-1) ?? "",
    Filename: filename,
    Extension: dot < 0 ? "" : filename.slice(dot + 1),
    AlternateDataStreamName: stream,
  };
}

export const networkFunctions: FunctionTable = {
  ipv4_is_private: mapTexts("bool", (text = "") => isPrivate(text)),
  ipv4_is_in_range: mapTexts("bool", (text = "", range = "") => isInRange(text, range)),
  ipv4_is_in_any_range: mapAny("bool", ([text, ...ranges]) =>
    parseIpv4(String(text)) === undefined
      ? null
      : ranges.flat().some((range) => isInRange(String(text), String(range)) === true),
  ),
  ipv4_is_match: mapTexts("bool", (one = "", other = "", bits = "32") => {
    const order = compareAddresses(one, other, Number(bits));
    return order === null ? null : order === 0n;
  }),
  ipv4_compare: mapTexts("long", (one = "", other = "", bits = "32") =>
    compareAddresses(one, other, Number(bits)),
  ),
  ipv4_netmask_suffix: mapTexts("long", (text = "") =>
    parseNetwork(text) === undefined ? null : BigInt(parseNetwork(text)?.bits ?? 32),
  ),
  parse_ipv4: mapTexts("long", (text = "") => {
    const net = parseNetwork(text);
    return net === undefined ? null : BigInt(net.base - (net.base % 2 ** (32 - net.bits)));
  }),
  parse_ipv4_mask: mapTexts("long", (text = "", bits = "32") => {
    const net = parseNetwork(text, Number(bits));
    return net === undefined ? null : BigInt(net.base - (net.base % 2 ** (32 - net.bits)));
  }),
  format_ipv4: mapTexts("string", (text = "", bits = "32") => {
    const base = /^\d+$/.test(text) ? Number(text) : parseNetwork(text)?.base;
    const length = Math.min(Number(bits), parseNetwork(text)?.bits ?? 32);
    return base === undefined || !(length >= 0)
      ? ""
      : formatIpv4(base - (base % 2 ** (32 - length)));
  }),
  format_ipv4_mask: mapTexts("string", (text = "", bits = "32") => {
    const base = /^\d+$/.test(text) ? Number(text) : parseNetwork(text)?.base;
    const length = Math.min(Number(bits), parseNetwork(text)?.bits ?? 32);
    return base === undefined || !(length >= 0)
      ? ""
      : `${formatIpv4(base - (base % 2 ** (32 - length)))}/${length}`;
  }),
  ipv4_range_to_cidr_list: mapTexts("dynamic", (from = "", to = "") => listNetworks(from, to)),
  has_ipv4: mapTexts("bool", (text = "", address = "") => hasIpv4(text, address, false)),
  has_any_ipv4: createAnyAddressTest(false),
  has_ipv4_prefix: mapTexts("bool", (text = "", prefix = "") => hasIpv4(text, prefix, true)),
  has_any_ipv4_prefix: createAnyAddressTest(true),
  parse_url: evaluateParseUrl,
  parseurl: evaluateParseUrl,
  parse_urlquery: evaluateParseUrlQuery,
  parseurlquery: evaluateParseUrlQuery,
  parse_path: mapTexts("dynamic", (text = "") => parsePath(text)),
};
