/** Special functions: gamma, error function, beta distribution. */

const lanczosFactors = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
];

/** Natural logarithm of the gamma function, by Lanczos' approximation; NaN below 0. */
export function computeLogGamma(value: number): number {
  if (value <= 0) return Number.NaN;
  if (value < 0.5)
    return Math.log(Math.PI / Math.sin(Math.PI * value)) - computeLogGamma(1 - value);
  const x = value - 1;
  const base = x + 7.5;
  const sum = lanczosFactors.reduce(
    (total, factor, index) => total + (index === 0 ? factor : factor / (x + index)),
    0,
  );
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(base) - base + Math.log(sum);
}

const maxFactorial = 170;

/** Gamma function of a positive number; exact to rounding for whole numbers. */
export function computeGamma(value: number): number {
  if (!Number.isInteger(value) || value > maxFactorial + 1) return Math.exp(computeLogGamma(value));
  let product = 1;
  for (let factor = 2; factor < value; factor += 1) product *= factor;
  return product;
}

const maxSteps = 500;

/** Error function: its series near 0, a continued fraction elsewhere. */
export function computeErf(value: number): number {
  if (Math.abs(value) > 2.5) return value > 0 ? 1 - computeErfc(value) : computeErfc(-value) - 1;
  let [term, sum] = [value, value];
  for (let n = 1; n < maxSteps && Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= -(value * value) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** Complementary error function. */
export function computeErfc(value: number): number {
  if (value < 0) return 2 - computeErfc(-value);
  if (value < 2.5) return 1 - computeErf(value);
  let fraction = value;
  for (let n = 100; n > 0; n -= 1) fraction = value + n / 2 / fraction;
  return Math.exp(-value * value) / Math.sqrt(Math.PI) / fraction;
}

const isBetaDomain = (x: number, alpha: number, beta: number): boolean =>
  x >= 0 && x <= 1 && alpha > 0 && beta > 0;

const computeLogBeta = (alpha: number, beta: number): number =>
  computeLogGamma(alpha) + computeLogGamma(beta) - computeLogGamma(alpha + beta);

/** Density of the beta distribution; NaN outside its domain. */
export function computeBetaDensity(x: number, alpha: number, beta: number): number {
  if (!isBetaDomain(x, alpha, beta)) return Number.NaN;
  return Math.exp(
    (alpha - 1) * Math.log(x) + (beta - 1) * Math.log(1 - x) - computeLogBeta(alpha, beta),
  );
}

/** Cumulative beta distribution; NaN outside its domain. */
export function computeBetaDistribution(x: number, alpha: number, beta: number): number {
  if (!isBetaDomain(x, alpha, beta)) return Number.NaN;
  if (x === 0 || x === 1) return x;
  const front = Math.exp(
    alpha * Math.log(x) + beta * Math.log(1 - x) - computeLogBeta(alpha, beta),
  );
  return x < (alpha + 1) / (alpha + beta + 2)
    ? (front * computeBetaFraction(x, alpha, beta)) / alpha
    : 1 - (front * computeBetaFraction(1 - x, beta, alpha)) / beta;
}

/** Continued fraction of the incomplete beta function, by Lentz' method. */
function computeBetaFraction(x: number, alpha: number, beta: number): number {
  const avoidZero = (value: number): number => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let upper = 1;
  let lower = 1 / avoidZero(1 - ((alpha + beta) * x) / (alpha + 1));
  let result = lower;
  for (let step = 1; step < maxSteps; step += 1) {
    const double = 2 * step;
    const even = (step * (beta - step) * x) / ((alpha + double - 1) * (alpha + double));
    const odd =
      (-(alpha + step) * (alpha + beta + step) * x) / ((alpha + double) * (alpha + double + 1));
    let change = 1;
    for (const factor of [even, odd]) {
      lower = 1 / avoidZero(1 + factor * lower);
      upper = avoidZero(1 + factor / upper);
      change = lower * upper;
      result *= change;
    }
    if (Math.abs(change - 1) < 1e-16) break;
  }
  return result;
}

/** Returns where the cumulative beta distribution has the given value, by bisection. */
export function invertBetaDistribution(share: number, alpha: number, beta: number): number | null {
  if (share < 0 || share > 1) return null;
  if (alpha <= 0 || beta <= 0) return Number.NaN;
  let [low, high] = [0, 1];
  for (let step = 0; step < 200 && high - low > 1e-17; step += 1) {
    const middle = (low + high) / 2;
    if (computeBetaDistribution(middle, alpha, beta) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
