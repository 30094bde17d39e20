/** What the host's own tests share: the fixture app's folder and its settings. */
import { join } from "node:path";

/** Folder of the fixture app. */
export const fixtureRoot = join(import.meta.dirname, "fixtures/app");

/** Settings under which all of the fixture's doors but `orphan` are served; the timer is far away. */
export const createFixtureSettings = (storage: string): Record<string, string> => ({
  AzureWebJobsStorage: storage,
  HEARD_QUEUE: "heard",
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
