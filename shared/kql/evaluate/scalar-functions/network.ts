/** Addresses, paths and URLs. */
import { ofAny, ofTexts, type Family } from "./maker.ts";

/** An IPv4 address as 32 bits, or `undefined`. */
function ipv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text.trim());
  const parts = match?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((whole, part) => whole * 256 + part, 0);
}

interface Net {
  readonly base: number;
  readonly bits: number;
}

function netOf(text: string, bits = 32): Net | undefined {
  const [address = "", prefix] = text.split("/");
  const base = ipv4(address);
  const length = Math.min(bits, prefix === undefined ? 32 : Number(prefix));
  return base === undefined || !(length >= 0 && length <= 32) ? undefined : { base, bits: length };
}

const masked = (value: number, bits: number): number =>
  bits === 0 ? 0 : Math.floor(value / 2 ** (32 - bits));

const within = (address: Net, net: Net): boolean =>
  masked(address.base, Math.min(address.bits, net.bits)) ===
  masked(net.base, Math.min(address.bits, net.bits));

const inRange = (text: string, range: string): boolean | null => {
  const [address, net] = [netOf(text), netOf(range)];
  return address === undefined || net === undefined ? null : within(address, net);
};

const privateNets = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

function isPrivate(text: string): boolean | null {
  const address = netOf(text);
  return address === undefined ? null : privateNets.some((range) => inRange(text, range) === true);
}

function compared(one: string, other: string, bits: number): bigint | null {
  const [first, second] = [netOf(one, bits), netOf(other, bits)];
  if (first === undefined || second === undefined) return null;
  const length = Math.min(first.bits, second.bits);
  return BigInt(Math.sign(masked(first.base, length) - masked(second.base, length)));
}

const isIpv6 = (text: string): boolean =>
  /^[0-9a-f:.]+$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);

const dotted = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");

/** `parse_url`: every part of a URL, empty where it has none. */
function urlParts(text: string): unknown {
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

/** `parse_path`: of Windows and of URLs alike. */
function pathParts(text: string): unknown {
  const [, scheme = ""] = /^([a-z]+):\/\//i.exec(text) ?? [];
  const cut = Math.max(text.lastIndexOf("\\"), text.lastIndexOf("/"));
  const name = text.slice(cut + 1);
  const folder = cut < 0 ? "" : text.slice(0, cut);
  const dot = name.lastIndexOf(".");
  return {
    Scheme: scheme,
    RootPath: /^(?:[a-z]:|\\\\[^\\]+\\[^\\]+)/i.exec(text)?.[0] ?? "",
    DirectoryPath: folder,
    DirectoryName: folder.split(/[\\/]/).at(-1) ?? "",
    Filename: name,
    Extension: dot < 0 ? "" : name.slice(dot + 1),
    AlternateDataStreamName: /^[^:]+:(.+)$/.exec(name)?.[1] ?? "",
  };
}

export const networkFunctions: Family = {
  ipv4_is_private: ofTexts("bool", (text = "") => isPrivate(text)),
  ipv4_is_in_range: ofTexts("bool", (text = "", range = "") => inRange(text, range)),
  ipv4_is_in_any_range: ofAny("bool", ([text, ...ranges]) =>
    ipv4(String(text)) === undefined
      ? null
      : ranges.flat().some((range) => inRange(String(text), String(range)) === true),
  ),
  ipv4_is_match: ofTexts("bool", (one = "", other = "", bits = "32") => {
    const order = compared(one, other, Number(bits));
    return order === null ? null : order === 0n;
  }),
  ipv4_compare: ofTexts("long", (one = "", other = "", bits = "32") =>
    compared(one, other, Number(bits)),
  ),
  ipv4_netmask_suffix: ofTexts("long", (text = "") =>
    netOf(text) === undefined ? null : BigInt(netOf(text)?.bits ?? 32),
  ),
  parse_ipv4: ofTexts("long", (text = "") => {
    const net = netOf(text);
    return net === undefined ? null : BigInt(net.base - (net.base % 2 ** (32 - net.bits)));
  }),
  parse_ipv4_mask: ofTexts("long", (text = "", bits = "32") => {
    const net = netOf(text, Number(bits));
    return net === undefined ? null : BigInt(net.base - (net.base % 2 ** (32 - net.bits)));
  }),
  format_ipv4: ofTexts("string", (text = "", bits = "32") => {
    const base = /^\d+$/.test(text) ? Number(text) : ipv4(text);
    return base === undefined ? "" : dotted(base - (base % 2 ** (32 - Number(bits))));
  }),
  has_ipv4: ofTexts(
    "bool",
    (text = "", address = "") =>
      ipv4(address) !== undefined &&
      new RegExp(
        String.raw`(?<![\w.])${address.replaceAll(".", String.raw`\.`)}(?![\w])(?!\.\d)`,
      ).test(text),
  ),
  parse_ipv6: ofTexts("string", (text = "") => {
    if (isIpv6(text)) return new URL(`http://[${text}]/`).hostname.slice(1, -1);
    return ipv4(text) === undefined ? "" : `0000:0000:0000:0000:0000:ffff:${text}`;
  }),
  parse_url: ofTexts("dynamic", (text = "") => urlParts(text)),
  parse_urlquery: ofTexts("dynamic", (text = "") => ({
    "Query Parameters": Object.fromEntries(new URLSearchParams(text)),
  })),
  parse_path: ofTexts("dynamic", (text = "") => pathParts(text)),
};
