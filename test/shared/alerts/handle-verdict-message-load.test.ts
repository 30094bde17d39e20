import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { handleVerdictMessage } from "../../../shared/alerts/handle-verdict-message.ts";
import { verdictMessage } from "../../../shared/contracts/alert-verdict.ts";
import { alertIdOf } from "../../support/alert-service-model.ts";
import {
  sendSingleAlerts,
  validVerdict,
  alertHarness,
  verdictFailpoints,
} from "../../support/alert-harness.ts";

const alerts = 2_000;

describe("2,000 messages of one alert each", () => {
  test.each([1, 4])(
    "are closed 100 per call over %i instances, within the quota",
    async (instances) => {
      const { clock, queues, runWorkers, service } = alertHarness(alerts);
      const startMs = clock.now();
      await sendSingleAlerts(queues, alerts);
      await clock.run(runWorkers(instances));
      expect(service.calls.length).toBeLessThanOrEqual(Math.ceil((alerts / 100) * 1.1));
      expect(service.closes.size).toBe(alerts);
      expect(service.countFlips()).toBe(0);
      expect(service.countBusiestMinute()).toBeLessThanOrEqual(30);
      expect(clock.now() - startMs).toBeLessThan(90_000);
    },
  );
});

describe("every call to Cloud Apps", () => {
  test("names 1 to 100 ids that were in an accepted request", async () => {
    const someIds = fc.uniqueArray(fc.integer({ min: 1, max: 260 }), {
      minLength: 1,
      maxLength: 100,
    });
    const action = fc.constantFrom("resolve", "dismiss", "closeBenign");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ ids: someIds, action }), { minLength: 1, maxLength: 6 }),
        async (requests) => {
          const { clock, queues, runWorkers, service } = alertHarness(200);
          const accepted = new Set<string>();
          for (const [index, { ids, action: requestedAction }] of requests.entries()) {
            const { reason: _reason, ...rest } = validVerdict;
            const message = verdictMessage.parse({
              ...rest,
              id: `r${index}`,
              action: requestedAction,
              alertIds: ids.map(alertIdOf),
            });
            for (const id of message.alertIds) accepted.add(id);
            await queues.send("alert-verdicts", message);
          }
          await clock.run(runWorkers());
          for (const { ids } of service.calls) {
            expect(ids.length).toBeGreaterThanOrEqual(1);
            expect(ids.length).toBeLessThanOrEqual(100);
            expect(ids.every((id) => accepted.has(id))).toBe(true);
          }
          expect(service.countFlips()).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("a process that crashes", () => {
  test.each(
    verdictFailpoints.flatMap((point) => [1, 2].map((instances) => [point, instances] as const)),
  )(
    "a crash at %s with %i instances leaves one effective close per alert",
    async (point, instances) => {
      let deaths = 0;
      const { clock, queues, service, deps, outcomes, submit } = alertHarness(150, {
        failpoint: async (name) => {
          if (name === point && (deaths += 1) <= instances) throw new Error(`died at ${point}`);
        },
      });
      await submit({ alertIds: Array.from({ length: 150 }, (_, index) => alertIdOf(index + 1)) });
      // The message of a crashed worker becomes visible again when its invisibility expires.
      const handleOrRequeue = async (message: object): Promise<void> => {
        try {
          await handleVerdictMessage(deps, verdictMessage.parse(message));
        } catch {
          await queues.send("alert-verdicts", message, { delaySeconds: 600 });
        }
      };
      await clock.run(queues.drain("alert-verdicts", instances * 2, handleOrRequeue));
      expect(new Set(Object.values(await outcomes()))).toEqual(new Set(["closed"]));
      expect([...service.closes.values()].every((closeCount) => closeCount === 1)).toBe(true);
      expect(service.closes.size).toBe(150);
    },
  );
});
