/** XXH64, the hash of Kusto's `hash()`: https://github.com/Cyan4973/xxHash (specification). */
const mask = 0xffff_ffff_ffff_ffffn;
const prime1 = 0x9e37_79b1_85eb_ca87n;
const prime2 = 0xc2b2_ae3d_27d4_eb4fn;
const prime3 = 0x1656_67b1_9e37_79f9n;
const prime4 = 0x85eb_ca77_c2b2_ae63n;
const prime5 = 0x27d4_eb2f_1656_67c5n;

const multiplyBits = (one: bigint, other: bigint): bigint => (one * other) & mask;
const addBits = (one: bigint, other: bigint): bigint => (one + other) & mask;
const rotateBits = (value: bigint, bits: bigint): bigint =>
  ((value << bits) | (value >> (64n - bits))) & mask;
const mixLane = (accumulator: bigint, lane: bigint): bigint =>
  multiplyBits(rotateBits(addBits(accumulator, multiplyBits(lane, prime2)), 31n), prime1);
const mergeLane = (hash: bigint, lane: bigint): bigint =>
  addBits(multiplyBits(hash ^ mixLane(0n, lane), prime1), prime4);

/** Returns the 64-bit hash of bytes with seed 0, signed. */
export function computeXxhash64(bytes: Buffer): bigint {
  let offset = 0;
  let hash = prime5;
  if (bytes.length >= 32) {
    let lanes = [addBits(prime1, prime2), prime2, 0n, -prime1 & mask];
    for (; offset + 32 <= bytes.length; offset += 32) {
      const start = offset;
      lanes = lanes.map((lane, index) => mixLane(lane, bytes.readBigUInt64LE(start + index * 8)));
    }
    const rotations = [1n, 7n, 12n, 18n];
    hash = lanes.reduce(
      (sum, lane, index) => addBits(sum, rotateBits(lane, rotations[index] ?? 0n)),
      0n,
    );
    hash = lanes.reduce(mergeLane, hash);
  }
  hash = addBits(hash, BigInt(bytes.length));
  for (; offset + 8 <= bytes.length; offset += 8)
    hash = addBits(
      multiplyBits(rotateBits(hash ^ mixLane(0n, bytes.readBigUInt64LE(offset)), 27n), prime1),
      prime4,
    );
  if (offset + 4 <= bytes.length) {
    const lane = BigInt(bytes.readUInt32LE(offset));
    hash = addBits(
      multiplyBits(rotateBits(hash ^ multiplyBits(lane, prime1), 23n), prime2),
      prime3,
    );
    offset += 4;
  }
  for (; offset < bytes.length; offset += 1) {
    const lane = BigInt(bytes[offset] ?? 0);
    hash = multiplyBits(rotateBits(hash ^ multiplyBits(lane, prime5), 11n), prime1);
  }
  return BigInt.asIntN(64, mixFinal(hash));
}

function mixFinal(value: bigint): bigint {
  const first = multiplyBits(value ^ (value >> 33n), prime2);
  const second = multiplyBits(first ^ (first >> 29n), prime3);
  return second ^ (second >> 32n);
}
