/**
 * Webhooks under seeded schedules: two instances, senders that repeat until they get a 2xx and some
 * that repeat after it, senders that use one id for two bodies, signed and unsigned ids, deliveries
 * without actions, processes that crash at failpoints, and lost answers of storage. The result is
 * judged from the answers that senders saw, from the queue, and from the alerts that were closed.
 */
import type { WebhookDeps } from "../../shared/webhooks/ports.ts";
import { alertIdOf } from "../support/alert-service-model.ts";
import { alertHarness } from "../support/alert-harness.ts";
import {
  deliverSigned,
  deliverUnsigned,
  validEvent,
  webhookHarness,
} from "../support/webhook-harness.ts";
import { createRandom } from "./scheduler.ts";
import type { SourceMutant } from "./source-mutants.ts";

/** Breaks the module on purpose. */
export type WebhookMutant = (deps: WebhookDeps) => WebhookDeps;

export const webhookMutants: Readonly<Record<string, WebhookMutant>> = {
  "receipt before enqueue": (deps) => {
    const unsent: (() => Promise<void>)[] = [];
    return {
      ...deps,
      queues: {
        ...deps.queues,
        send: async (...message) => void unsent.push(() => deps.queues.send(...message)),
      },
      records: {
        ...deps.records,
        create: async (path, value) => {
          const result = await deps.records.create(path, value);
          await deps.failpoint("W5 receipt written");
          for (const sendNow of unsent.splice(0)) await sendNow();
          return result;
        },
      },
    };
  },
  "the verdict's record is ignored": (deps) => ({
    ...deps,
    recordVerdict: async (id, verdict, from) => {
      await deps.recordVerdict(id, verdict, from);
      return { kind: "new", serverNowMs: deps.nowMs() };
    },
  }),
  "a repetition costs the allowance": (deps) => ({
    ...deps,
    takeAllowance: async (source, alerts) => {
      const result = await deps.takeAllowance(source, alerts);
      return result.kind === "allowed" ? { ...result, releaseAlerts: () => undefined } : result;
    },
  }),
};

/** Mutants of the source itself. */
export const webhookSourceMutants: Readonly<Record<string, SourceMutant>> = {
  "limits are counted by a header": {
    file: "shared/webhooks/receive.ts",
    from: "const key = auth.id !== undefined && auth.isIdSigned ? auth.id : bodyHash;",
    to: "const key = id;",
  },
  "the allowance of a repetition is not given back": {
    file: "shared/webhooks/execute-plan.ts",
    from: 'if (isCounted && allowance.kind === "allowed") allowance.releaseAlerts();',
    to: "void isCounted;",
  },
};

/** The result of a schedule. */
export interface WebhookHistory {
  /** Deliveries that were answered with a 2xx. */
  readonly accepted: number;
  /** Accepted deliveries whose verdict is not on the queue, P7. */
  readonly lost: number;
  /** Deliveries that led to more than one verdict id, or an alert closed more than once, P8. */
  readonly duplicated: number;
  /** Deliveries that got different answers. */
  readonly differingAnswers: number;
  /** Ids under which two bodies were accepted, or had an effect. */
  readonly idCollisions: number;
  /** Alerts that repetitions take from the day. */
  readonly wastedAlerts: number;
  readonly crashes: number;
}

/** One delivery as its sender stores it. */
interface Delivery {
  readonly id: string;
  readonly event: object;
  /** The alerts that it closes; empty when it has no actions. */
  readonly alertIds: readonly string[];
  readonly answers: Set<string>;
}

/** Two bodies that were given one id. */
type DeliveryPair = readonly [Delivery, Delivery];

class Crash extends Error {}

export async function runWebhookSchedule(
  seed: number,
  mutant: WebhookMutant = (deps) => deps,
): Promise<WebhookHistory> {
  const random = createRandom(seed);
  const [crashRate, lostRate] = [random() * 0.15, random() * 0.1];
  const isSigned = random() < 0.7;
  let crashes = 0;
  const phase = { isCalm: false };
  const isHit = (rate: number): boolean => !phase.isCalm && random() < rate;
  const harness = webhookHarness({
    store: {
      before: () => harness.clock.sleep(Math.floor(random() * 20)),
      after: () => {
        if (isHit(lostRate)) throw new Error("the answer was lost");
      },
    },
    failpoint: async () => {
      if (!isHit(crashRate)) return;
      crashes += 1;
      throw new Crash();
    },
  });
  const allowance = { taken: 0 };
  const deps = mutant({
    ...harness.deps,
    takeAllowance: async (source, alerts) => {
      const result = await harness.deps.takeAllowance(source, alerts);
      if (result.kind !== "allowed") return result;
      allowance.taken += alerts;
      return { ...result, releaseAlerts: () => void (allowance.taken -= alerts) };
    },
  });
  const createDelivery = (index: number, first: number): Delivery => {
    const isOpen = random() < 0.2;
    const alertIds = [alertIdOf(first), alertIdOf(first + 1)];
    const change = {
      id: `case-${index}`,
      alerts: alertIds.map((id) => ({ id })),
      ...(isOpen ? { state: "open" } : {}),
    };
    return {
      id: `msg_${index}`,
      event: validEvent(0, change),
      alertIds: isOpen ? [] : alertIds,
      answers: new Set(),
    };
  };
  const pairs = Array.from({ length: 2 + Math.floor(random() * 5) }, (_, index): DeliveryPair => [
    createDelivery(index, index * 4 + 1),
    createDelivery(index, index * 4 + 3),
  ]);

  // After a crash, a lost answer, a storage fault or a refusal, the sender sees no 2xx.
  const sendOnce = ({ event, id }: Delivery): Promise<object | undefined> =>
    (isSigned ? deliverSigned : deliverUnsigned)({ clock: harness.clock, deps }, event, id).catch(
      () => undefined,
    );
  const sendRepeatedly = async (delivery: Delivery): Promise<void> => {
    for (let tries = 0; tries < 6; tries += 1) {
      await harness.clock.sleep(Math.floor(random() * 5_000));
      const answer = await sendOnce(delivery);
      if (!answer) continue;
      delivery.answers.add(JSON.stringify(answer));
      // Some senders, and some proxies, repeat an answered delivery.
      if (random() < 0.7) return;
    }
  };
  // Each delivery has two senders, as when a retry overtakes its original. Some have a rival body
  // under the same id at the same time, which only a signed id prevents.
  const rivals = isSigned ? pairs.filter(() => random() < 0.3).map(([, rival]) => rival) : [];
  const senders = [...pairs.flatMap(([one]) => [one, one]), ...rivals];
  await harness.clock.run(Promise.all(senders.map(sendRepeatedly)).then(() => undefined));
  phase.isCalm = true;
  // Afterwards a rival body uses each id.
  for (const [{ answers }, rival] of pairs) {
    const answer = answers.size > 0 ? await harness.clock.run(sendOnce(rival)) : undefined;
    if (answer) rival.answers.add(JSON.stringify(answer));
  }
  const takenBefore = allowance.taken;
  for (const [first] of pairs.filter(([{ answers }]) => answers.size > 0))
    for (const suffix of ["", "-forged-1", "-forged-2"])
      await harness.clock.run(sendOnce(isSigned ? first : { ...first, id: first.id + suffix }));
  const wastedAlerts = allowance.taken - takenBefore;
  const history = { ...(await checkHistory(harness.queues.sent, pairs)), wastedAlerts };
  // An unsigned id identifies nothing: its rival is a delivery of its own.
  return { ...history, idCollisions: isSigned ? history.idCollisions : 0, crashes };
}

async function checkHistory(
  sentMessages: readonly { message: object }[],
  pairs: readonly DeliveryPair[],
) {
  const messages = sentMessages.map(
    ({ message }) => message as { id: string; alertIds: readonly string[] },
  );
  const verdictsOf = ({ alertIds: [first] }: Delivery): Set<string> =>
    new Set(messages.filter(({ alertIds }) => alertIds.includes(first ?? "")).map(({ id }) => id));
  const deliveries = pairs.flat();
  const accepted = deliveries.filter(({ answers }) => answers.size > 0);
  const harness = alertHarness(100);
  for (const message of messages) await harness.queues.send("alert-verdicts", message);
  await harness.clock.run(harness.runWorkers(2));
  const countBothWith = (predicate: (one: Delivery) => boolean): number =>
    pairs.filter((pair) => pair.every(predicate)).length;
  return {
    accepted: accepted.length,
    lost: accepted.filter((one) => one.alertIds.length > 0 && verdictsOf(one).size === 0).length,
    duplicated:
      deliveries.filter((one) => verdictsOf(one).size > 1).length +
      [...harness.service.closes.values()].filter((times) => times > 1).length,
    differingAnswers: accepted.filter(({ answers: differingAnswers }) => differingAnswers.size > 1)
      .length,
    idCollisions:
      countBothWith(({ answers }) => answers.size > 0) +
      countBothWith((one) => verdictsOf(one).size > 0),
  };
}

/** Tells whether the guarantees of webhooks held. */
export const isWebhookHistoryValid = ({
  lost,
  duplicated,
  differingAnswers,
  idCollisions,
  wastedAlerts,
}: WebhookHistory): boolean =>
  lost === 0 &&
  duplicated === 0 &&
  differingAnswers === 0 &&
  idCollisions === 0 &&
  wastedAlerts === 0;

/** Returns the first seed whose schedule breaks a guarantee. */
export async function findFailingSeed(from: number, to: number): Promise<number | undefined> {
  for (let seed = from; seed <= to; seed += 1)
    if (!isWebhookHistoryValid(await runWebhookSchedule(seed))) return seed;
  return undefined;
}
