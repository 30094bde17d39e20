import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";

let nextIndex = 0;

/**
 * A storage account of this test's own on the run's Azurite: as fresh as a new Azurite, without its
 * start time.
 *
 * @returns a connection string for blobs and queues
 */
export function claimFreshAccount(): string {
  const { accounts, connection, claimFolder } = inject("azurite");
  // Test files run in processes of their own; the one that creates the file owns the account.
  while (nextIndex < accounts && !tryClaim(join(claimFolder, String(nextIndex)))) nextIndex += 1;
  if (nextIndex >= accounts)
    throw new Error(`all ${accounts} accounts of this run are used up; start vitest anew`);
  return connection.replaceAll("huntline0", `huntline${nextIndex}`);
}

function tryClaim(path: string): boolean {
  try {
    closeSync(openSync(path, "wx"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
