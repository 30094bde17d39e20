/** `bin` and `bin_at`: values rounded down to multiples. */
import { convertScalar } from "../coerce.ts";
import { deriveScalar } from "../plan.ts";
import { toReal } from "../values.ts";
import { mapAny, requireArgument, type FunctionCompiler } from "./function-compiler.ts";

export /** Rounds down to a multiple, for negative values too. */
function floorTo(value: bigint, step: bigint): bigint {
  const rest = value % step;
  return rest < 0n ? value - rest - step : value - rest;
}

/** `bin(value, size)` of the value's own type. */
export const evaluateBin: FunctionCompiler = (args) => {
  const [value, size] = [requireArgument(args, 0), requireArgument(args, 1)];
  if (value.type === "real" || size.type === "real") {
    const [one, step] = [convertScalar(value, "real"), convertScalar(size, "real")];
    return deriveScalar("real", [one, step], (row) => binReal(one.run(row), step.run(row)));
  }
  const step = size.type === "timespan" ? size : convertScalar(size, "long");
  const whole =
    value.type === "datetime" || value.type === "timespan" ? value : convertScalar(value, "long");
  const type = value.type === "dynamic" ? "long" : value.type;
  return deriveScalar(type, [whole, step], (row) => {
    const result = binWhole(
      whole.run(row),
      step.run(row),
      type === "datetime" ? firstDayTicks : 0n,
    );
    return type === "int" && result !== null ? Number(result) : result;
  });
};

/** Ticks of 0001-01-01 from 1970: bins of datetimes count from there. */
const firstDayTicks = -719_162n * 864_000_000_000n;

function binReal(value: unknown, step: unknown): number | null {
  return typeof value === "number" && typeof step === "number" && step !== 0
    ? Math.floor(value / step) * step
    : null;
}

function binWhole(value: unknown, step: unknown, origin: bigint): bigint | null {
  return typeof value === "bigint" && typeof step === "bigint" && step > 0n
    ? origin + floorTo(value - origin, step)
    : null;
}

/** `bin_at(value, size, origin)`. */
export const evaluateBinAt: FunctionCompiler = mapAny(
  (args) => (args.some(({ type }) => type === "real") ? "real" : requireArgument(args, 0).type),
  ([value, step, origin]) => {
    if (typeof value === "bigint" && typeof step === "bigint" && typeof origin === "bigint")
      return binWhole(value, step, origin);
    const [one, size, start] = [toReal(value), toReal(step), toReal(origin)];
    if (one === null || size === null || start === null || size <= 0) return null;
    return start + Math.floor((one - start) / size) * size;
  },
);
