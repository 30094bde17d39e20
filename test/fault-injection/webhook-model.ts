/**
 * Webhooks under seeded schedules: two instances, senders that repeat until they get a 2xx and some who do so after it,
 * others that use the same id for another body, ids that are signed and ids that are not, deliveries that ask for
 * nothing, processes that die at named points, answers of storage that are lost. What is promised is read from the
 * answers that senders saw, from the queue, and from what the verdict desk made of it.
 */
import type { WebhookPorts } from "../../shared/webhooks/receive.ts";
import { alertIdOf } from "../support/alert-service-model.ts";
import { verdictBench } from "../support/alert-harness.ts";
import { deliver, deliverUnsigned, soundEvent, webhookRoom } from "../support/webhook-harness.ts";
import { randomFrom } from "./scheduler.ts";

/** Breaks the room on purpose. */
export type WebhookMutant = (ports: WebhookPorts) => WebhookPorts;

export const webhookMutants: Readonly<Record<string, WebhookMutant>> = {
  "receipt before enqueue": (ports) => {
    const unsent: (() => Promise<void>)[] = [];
    return {
      ...ports,
      queues: {
        ...ports.queues,
        send: async (...message) => void unsent.push(() => ports.queues.send(...message)),
      },
      records: {
        ...ports.records,
        create: async (path, value) => {
          const written = await ports.records.create(path, value);
          await ports.reach("W5 receipt written");
          for (const send of unsent.splice(0)) await send();
          return written;
        },
      },
    };
  },
  "no look at the verdict's record": (ports) => ({
    ...ports,
    note: async (id, verdict, from) => {
      await ports.note(id, verdict, from);
      return { kind: "new", serverNowMs: ports.nowMs() };
    },
  }),
  "no look at the receipt": (ports) => ({
    ...ports,
    records: {
      ...ports.records,
      read: async (path) => {
        const read = await ports.records.read(path);
        return path.startsWith("state/receipts/")
          ? { kind: "absent", serverNowMs: read.serverNowMs }
          : read;
      },
      create: async (path, value) => {
        const written = await ports.records.create(path, value);
        return written.kind === "lost" ? { ...written, kind: "written", etag: "" } : written;
      },
    },
  }),
};

/** What a schedule came to. */
export interface WebhookHistory {
  /** Deliveries that were answered with a 2xx. */
  readonly accepted: number;
  /** Accepted ones of which nothing is on the queue, P7. */
  readonly lost: number;
  /** Deliveries that led to more than one verdict id, or an alert closed more than once, P8. */
  readonly doubled: number;
  /** Answers to one delivery that differ. */
  readonly answers: number;
  /** Ids under which two bodies were accepted, or had an effect. */
  readonly others: number;
  readonly deaths: number;
}

/** One delivery as its sender keeps it. */
interface Delivery {
  readonly id: string;
  readonly event: object;
  /** Alerts it wants closed; none when it asks for nothing. */
  readonly alertIds: readonly string[];
  readonly answers: Set<string>;
}

/** Two bodies that were given one id. */
type Pair = readonly [Delivery, Delivery];

class Death extends Error {}

export async function playWebhooks(
  seed: number,
  mutant: WebhookMutant = (ports) => ports,
): Promise<WebhookHistory> {
  const random = randomFrom(seed);
  const [deathRate, lostRate] = [random() * 0.15, random() * 0.1];
  const signed = random() < 0.7;
  let deaths = 0;
  const spared = { yes: false };
  const chance = (rate: number): boolean => !spared.yes && random() < rate;
  const room = webhookRoom({
    store: {
      before: () => room.clock.sleep(Math.floor(random() * 20)),
      after: () => {
        if (chance(lostRate)) throw new Error("the answer was lost");
      },
    },
    reach: async () => {
      if (!chance(deathRate)) return;
      deaths += 1;
      throw new Death();
    },
  });
  const ports = mutant(room.ports);
  const delivery = (index: number, first: number): Delivery => {
    const open = random() < 0.2;
    const alertIds = [alertIdOf(first), alertIdOf(first + 1)];
    const change = {
      id: `case-${index}`,
      alerts: alertIds.map((id) => ({ id })),
      ...(open ? { state: "open" } : {}),
    };
    return {
      id: `msg_${index}`,
      event: soundEvent(0, change),
      alertIds: open ? [] : alertIds,
      answers: new Set(),
    };
  };
  const pairs = Array.from({ length: 2 + Math.floor(random() * 5) }, (_, index): Pair => [
    delivery(index, index * 4 + 1),
    delivery(index, index * 4 + 3),
  ]);

  // A dead process, a lost answer, a failed store, a refusal: the sender sees no 2xx.
  const sendOnce = ({ event, id }: Delivery): Promise<object | undefined> =>
    (signed ? deliver : deliverUnsigned)({ clock: room.clock, ports }, event, id).catch(
      () => undefined,
    );
  const send = async (one: Delivery): Promise<void> => {
    for (let tries = 0; tries < 6; tries += 1) {
      await room.clock.sleep(Math.floor(random() * 5_000));
      const answer = await sendOnce(one);
      if (!answer) continue;
      one.answers.add(JSON.stringify(answer));
      // Some senders, and some proxies, repeat what was answered.
      if (random() < 0.7) return;
    }
  };
  // Two senders of each delivery, a retry that overtakes its original; and a body that uses its id at the same time,
  // which only a signed id can be kept from.
  const rivals = signed ? pairs.filter(() => random() < 0.3).map(([, rival]) => rival) : [];
  const senders = [...pairs.flatMap(([one]) => [one, one]), ...rivals];
  await room.clock.run(Promise.all(senders.map(send)).then(() => undefined));
  spared.yes = true;
  // And one that uses it afterwards.
  for (const [{ answers }, rival] of pairs) {
    const answer = answers.size > 0 ? await room.clock.run(sendOnce(rival)) : undefined;
    if (answer) rival.answers.add(JSON.stringify(answer));
  }
  return { ...(await judge(room.queues.sent, pairs)), deaths };
}

async function judge(sent: readonly { message: object }[], pairs: readonly Pair[]) {
  const messages = sent.map(
    ({ message }) => message as { id: string; alertIds: readonly string[] },
  );
  const verdictsOf = ({ alertIds: [first] }: Delivery): Set<string> =>
    new Set(messages.filter(({ alertIds }) => alertIds.includes(first ?? "")).map(({ id }) => id));
  const deliveries = pairs.flat();
  const accepted = deliveries.filter(({ answers }) => answers.size > 0);
  const bench = verdictBench(100);
  for (const message of messages) await bench.queues.send("alert-verdicts", message);
  await bench.clock.run(bench.work(2));
  const both = (has: (one: Delivery) => boolean): number =>
    pairs.filter((pair) => pair.every(has)).length;
  return {
    accepted: accepted.length,
    lost: accepted.filter((one) => one.alertIds.length > 0 && verdictsOf(one).size === 0).length,
    doubled:
      deliveries.filter((one) => verdictsOf(one).size > 1).length +
      [...bench.world.closes.values()].filter((times) => times > 1).length,
    answers: accepted.filter(({ answers }) => answers.size > 1).length,
    others: both(({ answers }) => answers.size > 0) + both((one) => verdictsOf(one).size > 0),
  };
}

/** True when everything that is promised of webhooks held. */
export const webhooksHold = ({ lost, doubled, answers, others }: WebhookHistory): boolean =>
  lost === 0 && doubled === 0 && answers === 0 && others === 0;
