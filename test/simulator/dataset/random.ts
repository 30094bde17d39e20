/** Repeatable randomness: every value is a function of the seed and of its position. */

/** A stream of numbers that can be set to any position at the cost of one multiplication. */
export interface Random {
  /** Restarts at a position: equal positions give equal streams. */
  readonly seek: (position: number) => void;
  /** 32 random bits, 0 to 4,294,967,295. */
  readonly nextBits: () => number;
  /** A whole number from 0 to `nextBelow` − 1. */
  readonly below: (below: number) => number;
  /** True with the given chance, 0 to 1. */
  readonly chance: (share: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
  /** Like `pick`, but prefers the first entries of the list. */
  readonly pickSkewed: <T>(from: readonly T[]) => T;
}

/** Hashes numbers and texts to 32 bits; the order matters. */
export function mixBits(...parts: readonly (number | string)[]): number {
  let state = 0x9e3779b9;
  for (const part of parts) {
    if (typeof part === "number") state = mixStep(state, part);
    else
      for (let index = 0; index < part.length; index += 1)
        state = mixStep(state, part.charCodeAt(index));
  }
  return finishMix(state);
}

const mixStep = (state: number, value: number): number =>
  Math.imul(state ^ value ^ (value / 4294967296), 0x85ebca6b) + 0x7f4a7c15;

function finishMix(state: number): number {
  let mixed = state ^ (state >>> 16);
  mixed = Math.imul(mixed, 0x21f0aaad);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** Creates a stream that starts at `seed`. */
export function createRandom(seed: number): Random {
  let state = seed;
  const nextBits = (): number => {
    state = (state + 0x9e3779b9) | 0;
    return finishMix(state);
  };
  const nextBelow = (limit: number): number => Math.floor((nextBits() / 4294967296) * limit);
  return {
    seek: (position) => {
      state = finishMix(seed ^ Math.imul(position + 1, 0x9e3779b1));
    },
    nextBits,
    below: nextBelow,
    chance: (share) => nextBits() < share * 4294967296,
    pick: (from) => getElement(from, nextBelow(from.length)),
    pickSkewed: (from) =>
      getElement(from, Math.floor((nextBits() / 4294967296) ** 3 * from.length)),
  };
}

function getElement<T>(from: readonly T[], index: number): T {
  if (index >= from.length) throw new RangeError("nothing to pick from");
  return from[index] as T;
}

/**
 * Hex digits that look like a digest, drawn from a seed: 40 for a SHA-1, 64 for a SHA-256, 32 for
 * an MD5 or a GUID.
 */
export function drawHex(seed: number, digits: number): string {
  let text = "";
  for (let index = 0; text.length < digits; index += 1)
    text += mixBits(seed, index, digits).toString(16).padStart(8, "0");
  return text.slice(0, digits);
}

/** A GUID drawn from a seed. */
export function drawGuid(seed: number): string {
  const hex = drawHex(seed, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
