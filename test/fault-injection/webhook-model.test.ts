import { describe, expect, test } from "vitest";
import { findMutantSeed } from "./source-mutants.ts";
import {
  isWebhookHistoryValid,
  runWebhookSchedule,
  webhookMutants,
  webhookSourceMutants,
} from "./webhook-model.ts";

const schedules = 150;

describe("webhooks, under seeded schedules", () => {
  test("P7, P8, F04, F47: every 2xx is durable and every repetition has no effect, at any crash", async () => {
    let [accepted, crashes] = [0, 0];
    for (let seed = 1; seed <= schedules; seed += 1) {
      const history = await runWebhookSchedule(seed);
      expect(history, `seed ${seed}`).toMatchObject({
        lost: 0,
        duplicated: 0,
        differingAnswers: 0,
        idCollisions: 0,
        wastedAlerts: 0,
      });
      accepted += history.accepted;
      crashes += history.crashes;
    }
    expect(accepted).toBeGreaterThan(schedules);
    expect(crashes).toBeGreaterThan(schedules);
  });

  test.each(Object.entries(webhookMutants))("the mutant is caught: %s", async (_, mutant) => {
    let seed = 1;
    while (seed <= schedules && isWebhookHistoryValid(await runWebhookSchedule(seed, mutant)))
      seed += 1;
    expect(seed).toBeLessThanOrEqual(schedules);
  });

  test.each(Object.entries(webhookSourceMutants))(
    "the mutant of the source is caught: %s",
    async (_, mutant) => {
      expect(await findMutantSeed("webhook-model.ts", mutant, schedules)).toBeDefined();
    },
  );
});
