/** Punycode (RFC 3492): text beyond ASCII as letters, digits and hyphens. */

const [base, minThreshold, maxThreshold, skew, damp] = [36, 1, 26, 38, 700];
const [initialBias, firstCode] = [72, 128];

/** Adapts the bias after a delta (RFC 3492, section 6.1). */
function adaptBias(delta: number, length: number, isFirst: boolean): number {
  let rest = isFirst ? Math.floor(delta / damp) : Math.floor(delta / 2);
  rest += Math.floor(rest / length);
  let steps = 0;
  for (; rest > ((base - minThreshold) * maxThreshold) / 2; steps += base)
    rest = Math.floor(rest / (base - minThreshold));
  return steps + Math.floor(((base - minThreshold + 1) * rest) / (rest + skew));
}

const thresholdOf = (position: number, bias: number): number =>
  Math.min(maxThreshold, Math.max(minThreshold, position - bias));

const toDigit = (value: number): string =>
  String.fromCharCode(value < 26 ? value + 97 : value + 22);

/** Writes a delta as digits of a variable base. */
function writeDelta(delta: number, bias: number): string {
  let [text, rest] = ["", delta];
  for (let position = base; ; position += base) {
    const threshold = thresholdOf(position, bias);
    if (rest < threshold) return text + toDigit(rest);
    text += toDigit(threshold + ((rest - threshold) % (base - threshold)));
    rest = Math.floor((rest - threshold) / (base - threshold));
  }
}

/** Encodes a text. */
export function encodePunycode(text: string): string {
  const codes = Array.from(text, (letter) => letter.codePointAt(0) ?? 0);
  const ascii = codes.filter((code) => code < firstCode);
  let output = String.fromCodePoint(...ascii) + (ascii.length > 0 ? "-" : "");
  let [handled, next, delta, bias] = [ascii.length, firstCode, 0, initialBias];
  while (handled < codes.length) {
    const smallest = Math.min(...codes.filter((code) => code >= next));
    delta += (smallest - next) * (handled + 1);
    for (const code of codes) {
      if (code < smallest) delta += 1;
      if (code !== smallest) continue;
      output += writeDelta(delta, bias);
      bias = adaptBias(delta, handled + 1, handled === ascii.length);
      delta = 0;
      handled += 1;
    }
    delta += 1;
    next = smallest + 1;
  }
  return output;
}

const readDigit = (letter: string): number => {
  const value = "abcdefghijklmnopqrstuvwxyz0123456789".indexOf(letter.toLowerCase());
  return value < 0 ? Number.NaN : value;
};

/** Decodes a text; undefined for one that is not Punycode. */
export function decodePunycode(text: string): string | undefined {
  const cut = text.lastIndexOf("-");
  const output = Array.from(text.slice(0, Math.max(0, cut)));
  let [next, index, bias] = [firstCode, 0, initialBias];
  for (let at = cut + 1; at < text.length;) {
    const start = index;
    for (let [position, weight] = [base, 1]; ; position += base) {
      const digit = readDigit(text[at] ?? "");
      if (Number.isNaN(digit)) return undefined;
      at += 1;
      index += digit * weight;
      const threshold = thresholdOf(position, bias);
      if (digit < threshold) break;
      weight *= base - threshold;
    }
    bias = adaptBias(index - start, output.length + 1, start === 0);
    next += Math.floor(index / (output.length + 1));
    index %= output.length + 1;
    if (next > 0x10ffff) return undefined;
    output.splice(index, 0, String.fromCodePoint(next));
    index += 1;
  }
  return output.join("");
}
