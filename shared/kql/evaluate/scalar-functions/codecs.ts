/** Compressed and encoded texts. */
import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { decodePunycode, encodePunycode } from "../punycode.ts";
import { parseXml } from "../xml.ts";
import {
  mapTexts,
  mapValues,
  type FunctionCompiler,
  type FunctionTable,
} from "./function-compiler.ts";

/** The service stores short texts; how it compresses longer ones is not documented. */
const stored = { level: 0 };

/** The operating system in a gzip header, which the service leaves unknown. */
const [systemOffset, unknownSystem] = [9, 255];

const compressGzip = mapTexts("string", (text = "") => {
  const bytes = gzipSync(text, stored);
  bytes[systemOffset - 1] = 0;
  bytes[systemOffset] = unknownSystem;
  return bytes.toString("base64");
});

const compressZlib = mapTexts("string", (text = "") =>
  deflateSync(text, stored).toString("base64"),
);

/** Decompression limit: a longer result is refused as damaged. */
const maxBytes = 64 * 1_048_576;

const createDecompression = (
  decompress: (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer,
): FunctionCompiler =>
  mapTexts("string", (text = "") => {
    try {
      return decompress(Buffer.from(text, "base64"), { maxOutputLength: maxBytes }).toString();
    } catch {
      return "";
    }
  });

/** Applies an encoding to each label of a domain that needs it. */
const mapLabels = (text: string, map: (label: string) => string): string =>
  text
    .split(/[.\u3002\uff0e\uff61]/)
    .map(map)
    .join(".");

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);

/** Offsets of a guid's digits in the order of its bytes: the first three groups are reversed. */
const guidBytes = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

function encodeGuid(text: string): string {
  const digits = Buffer.from(text.replaceAll("-", ""), "hex");
  return Buffer.from(guidBytes.map((index) => digits[index] ?? 0)).toString("base64");
}

function decodeGuid(text: string): string | null {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== guidBytes.length) return null;
  const hex = Buffer.from(guidBytes.map((index) => bytes[index] ?? 0)).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const codecFunctions: FunctionTable = {
  base64_decode_toguid: mapTexts("guid", (text = "") => decodeGuid(text)),
  base64_encode_fromguid: mapValues("string", ["guid"], encodeGuid),
  gzip_compress_to_base64_string: compressGzip,
  gzip_decompress_from_base64_string: createDecompression(gunzipSync),
  zlib_compress_to_base64_string: compressZlib,
  zlib_decompress_from_base64_string: createDecompression(inflateSync),
  punycode_from_string: mapTexts("string", (text = "") => encodePunycode(text)),
  punycode_to_string: mapTexts("string", (text = "") => decodePunycode(text) ?? ""),
  punycode_domain_from_string: mapTexts("string", (text = "") =>
    mapLabels(text, (label) =>
      label.startsWith("xn--") ? (decodePunycode(label.slice(4)) ?? label) : label,
    ),
  ),
  punycode_domain_to_string: mapTexts("string", (text = "") =>
    mapLabels(text, (label) => (isAscii(label) ? label : `xn--${encodePunycode(label)}`)),
  ),
  parse_xml: mapTexts("dynamic", (text = "") => parseXml(text)),
};
