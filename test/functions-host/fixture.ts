/** What the host's own tests share: the fixture app's folder and its settings. */
import { join } from "node:path";

/** Folder of the fixture app. */
export const fixtureRoot = join(import.meta.dirname, "fixtures/app");

/**
 * Settings under which all functions of the fixture except `orphan` are served. The timer is due
 * far in the future.
 */
export const createFixtureSettings = (storage: string): Record<string, string> => ({
  AzureWebJobsStorage: storage,
  INPUT_QUEUE: "input",
  TICK_SCHEDULE: "0 0 1 1 *",
});

/** Asks again every 50 ms until there is something, for 10 s at most. */
export async function waitFor<T>(
  description: string,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const value = await probe();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never came: ${description}`);
}
