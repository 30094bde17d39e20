import { afterAll, beforeAll, expect, test } from "vitest";
import { huntFaults, runHuntFault } from "./hunt-faults.ts";
import { startSharedSimulator, type SharedSimulator } from "./hunt-platform.ts";

let shared: SharedSimulator;
beforeAll(async () => {
  shared = await startSharedSimulator();
});
afterAll(() => shared.stop());

/** The quick part; `npm run test:faults` plays all of them. */
test.each(huntFaults.filter(({ isQuick }) => isQuick))(
  "no row is lost or doubled when $title ($id)",
  async (fault) => {
    expect(await runHuntFault(shared, fault)).toMatchObject({
      lost: 0,
      duplicated: 0,
      violations: [],
    });
  },
);
