/** Repeatable randomness: everything in the world is a function of the seed and of where it stands. */

/** A stream of numbers that can be set back to any place at the cost of one multiplication. */
export interface Random {
  /** Starts again at a place: equal places give equal streams. */
  readonly at: (place: number) => void;
  /** 32 random bits, 0 to 4,294,967,295. */
  readonly bits: () => number;
  /** A whole number from 0 to `below` − 1. */
  readonly below: (below: number) => number;
  /** True with the given chance, 0 to 1. */
  readonly chance: (share: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
  /** Like `pick`, but the front of the list far more often than its end, as in life. */
  readonly favour: <T>(from: readonly T[]) => T;
}

/** Mixes numbers and texts to 32 bits; each position matters. */
export function mix(...parts: readonly (number | string)[]): number {
  let state = 0x9e3779b9;
  for (const part of parts) {
    if (typeof part === "number") state = step(state, part);
    else
      for (let index = 0; index < part.length; index += 1)
        state = step(state, part.charCodeAt(index));
  }
  return finish(state);
}

const step = (state: number, value: number): number =>
  Math.imul(state ^ value ^ (value / 4294967296), 0x85ebca6b) + 0x7f4a7c15;

function finish(state: number): number {
  let bits = state ^ (state >>> 16);
  bits = Math.imul(bits, 0x21f0aaad);
  bits ^= bits >>> 15;
  bits = Math.imul(bits, 0x735a2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}

/** A stream of its own, beginning at `seed`. */
export function createRandom(seed: number): Random {
  let state = seed;
  const bits = (): number => {
    state = (state + 0x9e3779b9) | 0;
    return finish(state);
  };
  const below = (limit: number): number => Math.floor((bits() / 4294967296) * limit);
  return {
    at: (place) => {
      state = finish(seed ^ Math.imul(place + 1, 0x9e3779b1));
    },
    bits,
    below,
    chance: (share) => bits() < share * 4294967296,
    pick: (from) => at(from, below(from.length)),
    favour: (from) => at(from, Math.floor((bits() / 4294967296) ** 3 * from.length)),
  };
}

function at<T>(from: readonly T[], index: number): T {
  if (index >= from.length) throw new RangeError("nothing to pick from");
  return from[index] as T;
}

/** Hex digits that look like a digest, drawn from a seed: 40 for a SHA-1, 64 for a SHA-256, 32 for an MD5 or a GUID. */
export function hexOf(seed: number, digits: number): string {
  let text = "";
  for (let index = 0; text.length < digits; index += 1)
    text += mix(seed, index, digits).toString(16).padStart(8, "0");
  return text.slice(0, digits);
}

/** A GUID drawn from a seed. */
export function guidOf(seed: number): string {
  const hex = hexOf(seed, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
