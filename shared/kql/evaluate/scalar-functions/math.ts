/** Numbers, bits, random values and digests. */
import { createHash, randomUUID } from "node:crypto";
import type { KqlType } from "../../../contracts/compiled-hunt.ts";
import { asText, convertScalar } from "../coerce.ts";
import { deriveScalar, type Scalar } from "../plan.ts";
import { compareValues, toText } from "../values.ts";
import {
  computeBetaDensity,
  computeBetaDistribution,
  computeErf,
  computeErfc,
  computeGamma,
  computeLogGamma,
  invertBetaDistribution,
} from "../special-math.ts";
import { computeXxhash64 } from "../xxhash64.ts";
import {
  requireArgument,
  mapAny,
  mapReals,
  mapTexts,
  mapValues,
  type FunctionTable,
  type FunctionCompiler,
} from "./function-compiler.ts";

/** Rounds half away from zero. */
function roundNumber(value: number, digits = 0): number {
  const factor = 10 ** digits;
  const rounded = (Math.sign(value) * Math.round(Math.abs(value) * factor + 1e-9)) / factor;
  return Number.isFinite(rounded) ? rounded : value;
}

/** A function that keeps whole numbers whole. */
const createNumericFunction =
  (mapWhole: (value: bigint) => bigint, mapReal: (value: number) => number): FunctionCompiler =>
  (args) => {
    const value = requireArgument(args, 0);
    const read =
      value.type === "dynamic" || value.type === "decimal" ? convertScalar(value, "real") : value;
    return deriveScalar(read.type, [read], (row) => {
      const result = read.run(row) ?? null;
      if (typeof result === "bigint") return mapWhole(result);
      return typeof result === "number" ? mapReal(result) : null;
    });
  };

const createBitFunction = (compute: (one: bigint, other: bigint) => bigint): FunctionCompiler =>
  mapValues("long", ["long"], compute);

/** The least or greatest of several values, nulls passed over. */
const createExtreme =
  (sign: 1 | -1): FunctionCompiler =>
  (args) => {
    const type: KqlType = args.some((arg) => arg.type === "real")
      ? "real"
      : requireArgument(args, 0).type;
    const parts = args.map((arg) => convertScalar(arg, type));
    return deriveScalar(type, parts, (row) => {
      const values = parts.map(({ run }) => run(row) ?? null).filter((value) => value !== null);
      return values.length === 0
        ? null
        : values.reduce((best, value) => (compareValues(value, best) * sign > 0 ? value : best));
    });
  };

const createDigest =
  (algorithm: string): FunctionCompiler =>
  (args) => {
    const text = asText(requireArgument(args, 0));
    return deriveScalar("string", [text], (row) =>
      createHash(algorithm).update(text.run(row)).digest("hex"),
    );
  };

/** `hash(value, modulus)`: xxhash64 of the value's bytes, as the service computes it. */
const evaluateHash: FunctionCompiler = (args) => {
  const [value, modulus] = [requireArgument(args, 0), args[1] && convertScalar(args[1], "long")];
  return deriveScalar("long", args, (row) =>
    applyModulus(computeHash(value.run(row), value), modulus?.run(row)),
  );
};

/** Texts hash as UTF-8, whole numbers and times as eight bytes (times count from the year 1). */
function computeHash(value: unknown, { type }: Scalar): bigint {
  if (typeof value === "bigint" || (type === "int" && typeof value === "number")) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(
      BigInt.asIntN(64, BigInt(value) + (type === "datetime" ? 621_355_968_000_000_000n : 0n)),
    );
    return computeXxhash64(bytes);
  }
  return computeXxhash64(Buffer.from(toText(value, type), "utf8"));
}

function applyModulus(value: bigint, modulus: unknown): bigint | null {
  if (modulus === undefined) return value;
  if (typeof modulus !== "bigint" || modulus <= 0n) return null;
  return BigInt.asUintN(64, value) % modulus;
}

/** Creates a function with a new value for every row. */
const createVolatile =
  (type: KqlType, make: (limit: unknown) => unknown): FunctionCompiler =>
  (args) => ({ type, isConstant: false, run: (row) => make(args[0]?.run(row)) });

const evaluateRand = createVolatile("real", (limit) =>
  typeof limit === "bigint" && limit > 1n
    ? Math.floor(Math.random() * Number(limit))
    : Math.random(),
);

const earthRadiusMeters = 6_371_010;

/** Returns the meters between two points in degrees; null for coordinates out of range. */
function computeDistance(
  fromLongitude: number,
  fromLatitude: number,
  toLongitude: number,
  toLatitude: number,
): number | null {
  const isInRange = (value: number, limit: number): boolean => Math.abs(value) <= limit;
  if (!isInRange(fromLongitude, 180) || !isInRange(toLongitude, 180)) return null;
  if (!isInRange(fromLatitude, 90) || !isInRange(toLatitude, 90)) return null;
  const toRadians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [dLatitude, dLongitude] = [
    toRadians(toLatitude - fromLatitude),
    toRadians(toLongitude - fromLongitude),
  ];
  const half =
    Math.sin(dLatitude / 2) ** 2 +
    Math.cos(toRadians(fromLatitude)) *
      Math.cos(toRadians(toLatitude)) *
      Math.sin(dLongitude / 2) ** 2;
  return 2 * earthRadiusMeters * Math.asin(Math.sqrt(half));
}

const byteUnits = ["Bytes", "KB", "MB", "GB", "TB", "PB"];

function formatBytes(value: number, precision: number, unit: string): string | null {
  const units = byteUnits;
  const requested = units.findIndex((one) => one.toLowerCase() === unit.toLowerCase());
  if (unit !== "" && requested < 0) return null;
  const fitting =
    value === 0
      ? 0
      : Math.min(units.length - 1, Math.floor(Math.log(Math.abs(value)) / Math.log(1024)));
  const power = unit === "" ? fitting : requested;
  return `${roundNumber(value / 1024 ** power, precision)} ${units[power] ?? "Bytes"}`;
}

export const mathFunctions: FunctionTable = {
  abs: createNumericFunction((value) => (value < 0n ? -value : value), Math.abs),
  ceiling: mapReals((value = 0) => Math.ceil(value)),
  round: mapReals(roundNumber),
  sign: mapReals((value = 0) => Math.sign(value)),
  sqrt: mapReals((value = 0) => (value < 0 ? null : Math.sqrt(value))),
  pow: mapReals((base = 0, power = 0) => base ** power),
  exp: mapReals((value = 0) => Math.exp(value)),
  exp2: mapReals((value = 0) => 2 ** value),
  exp10: mapReals((value = 0) => 10 ** value),
  log: mapReals((value = 0) => (value <= 0 ? null : Math.log(value))),
  log2: mapReals((value = 0) => (value <= 0 ? null : Math.log2(value))),
  log10: mapReals((value = 0) => (value <= 0 ? null : Math.log10(value))),
  sin: mapReals((value = 0) => Math.sin(value)),
  cos: mapReals((value = 0) => Math.cos(value)),
  tan: mapReals((value = 0) => Math.tan(value)),
  asin: mapReals((value = 0) => Math.asin(value)),
  acos: mapReals((value = 0) => Math.acos(value)),
  atan: mapReals((value = 0) => Math.atan(value)),
  atan2: mapReals((one = 0, other = 0) => Math.atan2(one, other)),
  cot: mapReals((value = 0) => 1 / Math.tan(value)),
  erf: mapReals((value = 0) => computeErf(value)),
  erfc: mapReals((value = 0) => computeErfc(value)),
  gamma: mapReals((value = 0) => (value > 0 ? computeGamma(value) : null)),
  loggamma: mapReals((value = 0) => (value > 0 ? computeLogGamma(value) : null)),
  beta_cdf: mapReals((x = 0, alpha = 0, beta = 0) => computeBetaDistribution(x, alpha, beta)),
  beta_inv: mapReals((share = 0, alpha = 0, beta = 0) =>
    invertBetaDistribution(share, alpha, beta),
  ),
  beta_pdf: mapReals((x = 0, alpha = 0, beta = 0) => computeBetaDensity(x, alpha, beta)),
  radians: mapReals((value = 0) => (value * Math.PI) / 180),
  degrees: mapReals((value = 0) => (value * 180) / Math.PI),
  pi: mapReals(() => Math.PI),
  isnan: mapAny("bool", ([value]) => typeof value === "number" && Number.isNaN(value)),
  isinf: mapAny("bool", ([value]) => value === Infinity || value === -Infinity),
  isfinite: mapAny(
    "bool",
    ([value]) => typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value)),
  ),
  min_of: createExtreme(-1),
  max_of: createExtreme(1),
  binary_and: createBitFunction((one, other) => one & other),
  binary_or: createBitFunction((one, other) => one | other),
  binary_xor: createBitFunction((one, other) => one ^ other),
  binary_not: createBitFunction((one) => ~one),
  binary_shift_left: createBitFunction((one, other) => BigInt.asIntN(64, one << other)),
  binary_shift_right: createBitFunction((one, other) => one >> other),
  bitset_count_ones: createBitFunction((one) =>
    BigInt(BigInt.asUintN(64, one).toString(2).replaceAll("0", "").length),
  ),
  hash: evaluateHash,
  hash_xxhash64: evaluateHash,
  hash_md5: createDigest("md5"),
  hash_sha1: createDigest("sha1"),
  hash_sha256: createDigest("sha256"),
  rand: evaluateRand,
  new_guid: createVolatile("guid", () => randomUUID()),
  geo_distance_2points: mapReals((a = 0, b = 0, c = 0, d = 0) => computeDistance(a, b, c, d)),
  format_bytes: mapValues(
    "string",
    ["real", "long", "string"],
    (value: number, precision = 0n, unit = "") => formatBytes(value, Number(precision), unit),
  ),
  toutf8: mapTexts("dynamic", (text = "") => [...Buffer.from(text)]),
};
