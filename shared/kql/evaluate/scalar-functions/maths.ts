/** Numbers, bits, chance and digests. */
import { createHash, randomUUID } from "node:crypto";
import type { KqlType } from "../../../contracts/compiled-hunt.ts";
import { asText, convert } from "../coerce.ts";
import { over, type Scalar } from "../plan.ts";
import { compareValues, keyOf, toDynamic } from "../values.ts";
import { argument, ofAny, ofReals, ofTexts, ofValues, type Family, type Maker } from "./maker.ts";

/** Rounds half away from zero. */
function round(value: number, digits = 0): number {
  const factor = 10 ** digits;
  const rounded = (Math.sign(value) * Math.round(Math.abs(value) * factor + 1e-9)) / factor;
  return Number.isFinite(rounded) ? rounded : value;
}

/** A function that keeps whole numbers whole. */
const sameKind =
  (whole: (value: bigint) => bigint, real: (value: number) => number): Maker =>
  (args) => {
    const value = argument(args, 0);
    const read =
      value.type === "dynamic" || value.type === "decimal" ? convert(value, "real") : value;
    return over(read.type, [read], (row) => {
      const found = read.run(row) ?? null;
      if (typeof found === "bigint") return whole(found);
      return typeof found === "number" ? real(found) : null;
    });
  };

const bits = (compute: (one: bigint, other: bigint) => bigint): Maker =>
  ofValues("long", ["long"], compute);

/** The least or greatest of several values, nulls passed over. */
const extreme =
  (sign: 1 | -1): Maker =>
  (args) => {
    const type: KqlType = args.some((arg) => arg.type === "real") ? "real" : argument(args, 0).type;
    const parts = args.map((arg) => convert(arg, type));
    return over(type, parts, (row) => {
      const values = parts.map(({ run }) => run(row) ?? null).filter((value) => value !== null);
      return values.length === 0
        ? null
        : values.reduce((best, value) => (compareValues(value, best) * sign > 0 ? value : best));
    });
  };

const digest =
  (algorithm: string): Maker =>
  (args) => {
    const text = asText(argument(args, 0));
    return over("string", [text], (row) =>
      createHash(algorithm).update(text.run(row)).digest("hex"),
    );
  };

/**
 * `hash(value, modulus)`: a stable 64-bit number, not the service's own (xxhash64): equal values give equal numbers, and
 * shards partition the rows, which is all that a query may rely on.
 */
const hash: Maker = (args) => {
  const [value, modulus] = [argument(args, 0), args[1] && convert(args[1], "long")];
  return over("long", args, (row) => reduced(hashOf(value.run(row), value), modulus?.run(row)));
};

const hashOf = (value: unknown, { type }: Scalar): bigint =>
  BigInt.asIntN(64, fnv(keyOf([toDynamic(value, type)])));

/** FNV-1a with a last mix, so that small moduli spread evenly. */
function fnv(text: string): bigint {
  let low = 0x811c9dc5;
  let high = 0xcbf29ce4;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ (code + index), 0x85ebca6b);
  }
  low ^= high >>> 15;
  low = Math.imul(low, 0x2c1b3c6d);
  high ^= low >>> 13;
  return (BigInt(high >>> 0) << 32n) | BigInt((low ^ (low >>> 16)) >>> 0);
}

function reduced(value: bigint, modulus: unknown): bigint | null {
  if (modulus === undefined) return value;
  if (typeof modulus !== "bigint" || modulus <= 0n) return null;
  return ((value % modulus) + modulus) % modulus;
}

/** A new value for every row: never folded into a constant. */
const fresh =
  (type: KqlType, make: (limit: unknown) => unknown): Maker =>
  (args) => ({ type, constant: false, run: (row) => make(args[0]?.run(row)) });

const rand = fresh("real", (limit) =>
  typeof limit === "bigint" && limit > 1n
    ? Math.floor(Math.random() * Number(limit))
    : Math.random(),
);

const earth = 6_371_008.8;

/** Metres between two points of longitude and latitude, in degrees. */
function distance(
  fromLongitude: number,
  fromLatitude: number,
  toLongitude: number,
  toLatitude: number,
): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [dLatitude, dLongitude] = [
    radians(toLatitude - fromLatitude),
    radians(toLongitude - fromLongitude),
  ];
  const half =
    Math.sin(dLatitude / 2) ** 2 +
    Math.cos(radians(fromLatitude)) * Math.cos(radians(toLatitude)) * Math.sin(dLongitude / 2) ** 2;
  return 2 * earth * Math.asin(Math.sqrt(half));
}

function bytes(value: number, precision = 0): string {
  const units = ["Bytes", "KB", "MB", "GB", "TB", "PB"];
  const power =
    value === 0
      ? 0
      : Math.min(units.length - 1, Math.floor(Math.log(Math.abs(value)) / Math.log(1024)));
  return `${round(value / 1024 ** power, precision)} ${units[power] ?? "Bytes"}`;
}

export const mathFunctions: Family = {
  abs: sameKind((value) => (value < 0n ? -value : value), Math.abs),
  ceiling: ofReals((value = 0) => Math.ceil(value)),
  round: ofReals(round),
  sign: ofReals((value = 0) => Math.sign(value)),
  sqrt: ofReals((value = 0) => (value < 0 ? null : Math.sqrt(value))),
  pow: ofReals((base = 0, power = 0) => base ** power),
  exp: ofReals((value = 0) => Math.exp(value)),
  exp2: ofReals((value = 0) => 2 ** value),
  exp10: ofReals((value = 0) => 10 ** value),
  log: ofReals((value = 0) => (value <= 0 ? null : Math.log(value))),
  log2: ofReals((value = 0) => (value <= 0 ? null : Math.log2(value))),
  log10: ofReals((value = 0) => (value <= 0 ? null : Math.log10(value))),
  sin: ofReals((value = 0) => Math.sin(value)),
  cos: ofReals((value = 0) => Math.cos(value)),
  tan: ofReals((value = 0) => Math.tan(value)),
  asin: ofReals((value = 0) => Math.asin(value)),
  acos: ofReals((value = 0) => Math.acos(value)),
  atan: ofReals((value = 0) => Math.atan(value)),
  atan2: ofReals((one = 0, other = 0) => Math.atan2(one, other)),
  radians: ofReals((value = 0) => (value * Math.PI) / 180),
  degrees: ofReals((value = 0) => (value * 180) / Math.PI),
  pi: ofReals(() => Math.PI),
  isnan: ofAny("bool", ([value]) => typeof value === "number" && Number.isNaN(value)),
  isinf: ofAny("bool", ([value]) => value === Infinity || value === -Infinity),
  isfinite: ofAny(
    "bool",
    ([value]) => typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value)),
  ),
  min_of: extreme(-1),
  max_of: extreme(1),
  binary_and: bits((one, other) => one & other),
  binary_or: bits((one, other) => one | other),
  binary_xor: bits((one, other) => one ^ other),
  binary_not: bits((one) => ~one),
  binary_shift_left: bits((one, other) => BigInt.asIntN(64, one << other)),
  binary_shift_right: bits((one, other) => one >> other),
  bitset_count_ones: bits((one) =>
    BigInt(BigInt.asUintN(64, one).toString(2).replaceAll("0", "").length),
  ),
  hash,
  hash_xxhash64: hash,
  hash_md5: digest("md5"),
  hash_sha1: digest("sha1"),
  hash_sha256: digest("sha256"),
  hash_many: ofAny("long", (values) => BigInt.asIntN(64, fnv(keyOf(values)))),
  rand,
  new_guid: fresh("guid", () => randomUUID()),
  geo_distance_2points: ofReals((a = 0, b = 0, c = 0, d = 0) => distance(a, b, c, d)),
  format_bytes: ofValues("string", ["real", "long"], (value: number, precision = 0n) =>
    bytes(value, Number(precision)),
  ),
  toutf8: ofTexts("dynamic", (text = "") => [...Buffer.from(text)]),
};
