/** `convert_…(value, from, to)`: units of measure. */
import { createUnsupportedError } from "../query-error.ts";
import { mapValues, type FunctionCompiler, type FunctionTable } from "./function-compiler.ts";

/** Size of each unit in the first one of its kind. */
type UnitSizes = Readonly<Record<string, number>>;

const angles: UnitSizes = {
  Degree: 1,
  Arcminute: 1 / 60,
  Arcsecond: 1 / 3_600,
  Centiradian: 1.8 / Math.PI,
  Deciradian: 18 / Math.PI,
  Gradian: 0.9,
  Milliradian: 0.18 / Math.PI,
  Radian: 180 / Math.PI,
  Revolution: 360,
};

const energies: UnitSizes = {
  Joule: 1,
  BritishThermalUnit: 1_055.05585262,
  Calorie: 4.184,
  ElectronVolt: 1.602176565e-19,
  Kilocalorie: 4_184,
  Kilojoule: 1_000,
  KilowattHour: 3_600_000,
  Megajoule: 1_000_000,
  MegawattHour: 3_600_000_000,
  Millijoule: 0.001,
  WattHour: 3_600,
};

const forces: UnitSizes = {
  Newton: 1,
  Decanewton: 10,
  Dyn: 0.00001,
  KilogramForce: 9.80665,
  Kilonewton: 1_000,
  KiloPond: 9.80665,
  Meganewton: 1_000_000,
  Millinewton: 0.001,
  OunceForce: 4.44822161526051 / 16,
  Poundal: 0.138254954376,
  PoundForce: 4.44822161526051,
  TonneForce: 9_806.65,
};

const lengths: UnitSizes = {
  Meter: 1,
  Centimeter: 0.01,
  Decimeter: 0.1,
  Foot: 0.3048,
  Inch: 0.0254,
  Kilometer: 1_000,
  Micrometer: 0.000001,
  Mile: 1_609.344,
  Millimeter: 0.001,
  Nanometer: 1e-9,
  NauticalMile: 1_852,
  Yard: 0.9144,
};

const masses: UnitSizes = {
  Kilogram: 1,
  Centigram: 0.00001,
  Gram: 0.001,
  Kilotonne: 1_000_000,
  Microgram: 1e-9,
  Milligram: 0.000001,
  Ounce: 0.45359237 / 16,
  Pound: 0.45359237,
  Stone: 0.45359237 * 14,
  Tonne: 1_000,
};

const speeds: UnitSizes = {
  MeterPerSecond: 1,
  CentimeterPerHour: 1 / 360_000,
  CentimeterPerMinute: 0.01 / 60,
  CentimeterPerSecond: 0.01,
  FootPerSecond: 0.3048,
  KilometerPerHour: 1 / 3.6,
  KilometerPerSecond: 1_000,
  Knot: 1_852 / 3_600,
  MeterPerMinute: 1 / 60,
  MilePerHour: 0.44704,
};

const volumes: UnitSizes = {
  CubicMeter: 1,
  AcreFoot: 1 / 0.000810714,
  CubicCentimeter: 0.000001,
  CubicDecimeter: 0.001,
  CubicFoot: 0.028316846592,
  CubicInch: 0.000016387064,
  CubicKilometer: 1e9,
  Hectoliter: 0.1,
  ImperialGallon: 0.00454609,
  Liter: 0.001,
  Milliliter: 0.000001,
  UsGallon: 0.003785411784,
};

function requireUnit(units: UnitSizes, name: string): number {
  const size = Object.hasOwn(units, name) ? units[name] : undefined;
  if (size === undefined) throw createUnsupportedError(`The unit '${name}'`);
  return size;
}

const createConversion = (units: UnitSizes): FunctionCompiler =>
  mapValues(
    "real",
    ["real", "string"],
    (value: number, from: string, to: string) =>
      value * (requireUnit(units, from) / requireUnit(units, to)),
  );

/** Kelvin of 0 in each scale, and of one degree. */
const temperatureScales: Readonly<
  Record<string, { readonly zero: number; readonly degree: number }>
> = {
  Kelvin: { zero: 0, degree: 1 },
  DegreeCelsius: { zero: 273.15, degree: 1 },
  DegreeFahrenheit: { zero: 459.67 / 1.8, degree: 1 / 1.8 },
  DegreeRankine: { zero: 0, degree: 1 / 1.8 },
};

const convertTemperature = mapValues(
  "real",
  ["real", "string"],
  (value: number, from: string, to: string) => {
    const [source, target] = [temperatureScales[from], temperatureScales[to]];
    if (source === undefined) throw createUnsupportedError(`The unit '${from}'`);
    if (target === undefined) throw createUnsupportedError(`The unit '${to}'`);
    return (source.zero + value * source.degree - target.zero) / target.degree;
  },
);

export const unitFunctions: FunctionTable = {
  convert_angle: createConversion(angles),
  convert_energy: createConversion(energies),
  convert_force: createConversion(forces),
  convert_length: createConversion(lengths),
  convert_mass: createConversion(masses),
  convert_speed: createConversion(speeds),
  convert_temperature: convertTemperature,
  convert_volume: createConversion(volumes),
};
