import { createHash } from "node:crypto";
import { expect, inject } from "vitest";

let asked = 0;

/**
 * A storage account of this test's own on the run's Azurite: as fresh as a new Azurite, without its start time.
 *
 * @returns a connection string for blobs and queues
 */
export function freshAccount(): string {
  // The file's path picks a range of accounts, the count within the file one of it: no two files meet in practice,
  // and a container that a colliding file left would show as a failing test, not as a silent pass.
  const place = createHash("sha256")
    .update(expect.getState().testPath ?? "")
    .digest()
    .readUInt16BE(0);
  asked += 1;
  return inject("azurite").replaceAll("huntline0", `huntline${(place * 7 + asked) % 400}`);
}
