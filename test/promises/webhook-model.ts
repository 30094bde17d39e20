/**
 * Webhooks under seeded schedules: two instances, senders that repeat until they get a 2xx and some who do so after it,
 * processes that die at named points, answers of storage that are lost. What is promised is read from the answers that
 * senders saw, from the queue, and from what the verdict desk made of it.
 */
import { receive, type WebhookPorts } from "../../shared/webhooks/receive.ts";
import { alertIdOf } from "../support/alert-world.ts";
import { verdictBench } from "../support/verdict-bench.ts";
import { requestOf, soundEvent, theKey, webhookRoom } from "../support/webhook-room.ts";
import { standardHeaders } from "../support/webhook-senders.ts";
import { randomFrom } from "./scheduler.ts";

/** Breaks the room on purpose. */
export type WebhookMutant = (ports: WebhookPorts) => WebhookPorts;

export const webhookMutants: Readonly<Record<string, WebhookMutant>> = {
  "receipt before enqueue": (ports) => {
    const unsent: (() => Promise<void>)[] = [];
    return {
      ...ports,
      queues: { ...ports.queues, send: async (...message) => void unsent.push(() => ports.queues.send(...message)) },
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
  "no look at the receipt": (ports) => ({
    ...ports,
    records: {
      ...ports.records,
      read: async (path) => {
        const read = await ports.records.read(path);
        return path.startsWith("state/receipts/") ? { kind: "absent", serverNowMs: read.serverNowMs } : read;
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
  /** Another body under a used id that was not refused, or that had an effect. */
  readonly others: number;
  readonly deaths: number;
}

/** One delivery as its sender keeps it. */
interface Delivery {
  readonly id: string;
  readonly body: string;
  readonly answers: Set<string>;
}

class Death extends Error {}

export async function playWebhooks(seed: number, mutant: WebhookMutant = (ports) => ports): Promise<WebhookHistory> {
  const random = randomFrom(seed);
  const [deathRate, lostRate] = [random() * 0.15, random() * 0.1];
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
  const deliveries = Array.from({ length: 2 + Math.floor(random() * 5) }, (_, index): Delivery => {
    const alerts = [{ id: alertIdOf(index * 2 + 1) }, { id: alertIdOf(index * 2 + 2) }];
    const body = JSON.stringify(soundEvent(0, { id: `case-${index}`, alerts }));
    return { id: `msg_${index}`, body, answers: new Set() };
  });

  const sendOnce = async ({ id, body }: Delivery): Promise<object | undefined> => {
    const headers = standardHeaders(theKey, body, id, Math.floor(room.clock.now() / 1_000));
    try {
      return await receive(ports, { source: "test", request: requestOf(body, headers), keyed: false });
    } catch (error) {
      // A dead process, a lost answer, a failed store: the sender sees no 2xx.
      return error instanceof Error && "status" in error ? { status: error.status } : undefined;
    }
  };
  const send = async (delivery: Delivery): Promise<void> => {
    for (let tries = 0; tries < 6; tries += 1) {
      await room.clock.sleep(Math.floor(random() * 5_000));
      const answer = await sendOnce(delivery);
      if (!answer) continue;
      delivery.answers.add(JSON.stringify(answer));
      // Some senders, and some proxies, repeat what was answered.
      if (random() < 0.7) return;
    }
  };
  // Two senders of each delivery: a retry that overtakes its original.
  await room.clock.run(Promise.all(deliveries.flatMap((one) => [send(one), send(one)])).then(() => undefined));
  spared.yes = true;

  const before = room.queues.sent.length;
  let others = 0;
  for (const one of deliveries.filter(({ answers }) => answers.size > 0)) {
    const body = JSON.stringify(soundEvent(0, { id: one.id, alerts: [{ id: alertIdOf(99) }] }));
    const answer = await room.clock.run(sendOnce({ ...one, body }));
    if (!answer || !("status" in answer) || answer.status !== 409) others += 1;
  }
  others += room.queues.sent.length - before;
  return { ...(await judge(room.queues.sent.slice(0, before), deliveries)), others, deaths };
}

async function judge(sent: readonly { message: object }[], deliveries: readonly Delivery[]) {
  const messages = sent.map(({ message }) => message as { id: string; alertIds: readonly string[] });
  const accepted = deliveries.filter(({ answers }) => answers.size > 0);
  const verdictsOf = (index: number): Set<string> =>
    new Set(messages.filter(({ alertIds }) => alertIds.includes(alertIdOf(index * 2 + 1))).map(({ id }) => id));
  const verdicts = deliveries.map((_, index) => verdictsOf(index));
  const bench = verdictBench(100);
  for (const message of messages) await bench.queues.send("alert-verdicts", message);
  await bench.clock.run(bench.work(2));
  return {
    accepted: accepted.length,
    lost: accepted.filter((one) => verdicts[deliveries.indexOf(one)]?.size === 0).length,
    doubled:
      verdicts.filter(({ size }) => size > 1).length +
      [...bench.world.closes.values()].filter((times) => times > 1).length,
    answers: accepted.filter(({ answers }) => answers.size > 1).length,
  };
}

/** True when everything that is promised of webhooks held. */
export const webhooksHold = ({ lost, doubled, answers, others }: WebhookHistory): boolean =>
  lost === 0 && doubled === 0 && answers === 0 && others === 0;
