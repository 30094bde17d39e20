import { afterAll, beforeAll, expect, test } from "vitest";
import { faults, surviveFault } from "./hunt-faults.ts";
import { openStage, type Stage } from "./hunt-platform.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.end());

/** The quick part; `npm run test:faults` plays all of them. */
test.each(faults.filter(({ quick }) => quick))(
  "no row is lost or doubled when $title ($id)",
  async (fault) => {
    expect(await surviveFault(stage, fault)).toMatchObject({ lost: 0, doubled: 0, broken: [] });
  },
);
