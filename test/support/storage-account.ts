import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";

let next = 0;

/**
 * A storage account of this test's own on the run's Azurite: as fresh as a new Azurite, without its start time.
 *
 * @returns a connection string for blobs and queues
 */
export function freshAccount(): string {
  const { accounts, connection, taken } = inject("azurite");
  // Test files run in processes of their own; whoever creates the file has the account.
  while (next < accounts && !isFirst(join(taken, String(next)))) next += 1;
  if (next >= accounts)
    throw new Error(`all ${accounts} accounts of this run are used up; start vitest anew`);
  return connection.replaceAll("huntline0", `huntline${next}`);
}

function isFirst(path: string): boolean {
  try {
    closeSync(openSync(path, "wx"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
