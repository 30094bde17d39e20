import { describe, expect, test } from "vitest";
import { playWebhooks, webhookMutants, webhooksHold } from "./webhook-model.ts";

const schedules = 150;

describe("webhooks, under seeded schedules", () => {
  test("P7, P8, F04, F47: every 2xx is durable and every repetition inert, whoever dies when", async () => {
    let [accepted, deaths] = [0, 0];
    for (let seed = 1; seed <= schedules; seed += 1) {
      const history = await playWebhooks(seed);
      expect(history, `seed ${seed}`).toMatchObject({ lost: 0, doubled: 0, answers: 0, others: 0 });
      accepted += history.accepted;
      deaths += history.deaths;
    }
    expect(accepted).toBeGreaterThan(schedules);
    expect(deaths).toBeGreaterThan(schedules);
  });

  test.each(Object.entries(webhookMutants))("the mutant is caught: %s", async (_, mutant) => {
    let seed = 1;
    while (seed <= schedules && webhooksHold(await playWebhooks(seed, mutant))) seed += 1;
    expect(seed).toBeLessThanOrEqual(schedules);
  });
});
