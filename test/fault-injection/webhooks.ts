/** The long form of what is promised of webhooks: many schedules, the mutants, ten thousand forgeries, and a kill at each point. */
import { receive } from "../../shared/webhooks/receive.ts";
import { requestOf, soundEvent, webhookRoom } from "../support/webhook-harness.ts";
import { standardHeaders, standardKey } from "../support/webhook-senders.ts";
import { killWebhooks, webhookKillPoints } from "./webhook-kills.ts";
import { playWebhooks, webhookMutants, webhooksHold } from "./webhook-model.ts";

const forgeries = 10_000;

/** X37: what ten thousand forged deliveries cost. */
async function forgeMany(): Promise<boolean> {
  const room = webhookRoom();
  const body = JSON.stringify(soundEvent(20));
  let refused = 0;
  for (let index = 0; index < forgeries; index += 1) {
    const headers = standardHeaders(
      standardKey(),
      body,
      `msg_${index}`,
      Math.floor(room.clock.now() / 1_000),
    );
    const call = { source: "test", request: requestOf(body, headers), keyed: false };
    await receive(room.ports, call).catch((error: unknown) => {
      if (error instanceof Error && "status" in error && error.status === 401) refused += 1;
    });
  }
  const verbs = ["read", "create", "replace", "remove", "list"] as const;
  return (
    refused === forgeries &&
    verbs.every((verb) => room.records.count(verb) === 0) &&
    room.queues.sent.length === 0
  );
}

/** @returns whether everything held */
export async function promiseWebhooks(
  { schedules, kills }: { readonly schedules: number; readonly kills: readonly string[] },
  say: (line: string) => void,
): Promise<boolean> {
  let survived = 0;
  let deaths = 0;
  for (let seed = 1; seed <= schedules; seed += 1) {
    const history = await playWebhooks(seed);
    deaths += history.deaths;
    if (webhooksHold(history)) survived += 1;
    else say(`webhooks, seed ${seed}: ${JSON.stringify(history)}`);
  }
  let caught = 0;
  for (const [name, mutant] of Object.entries(webhookMutants)) {
    let seed = 1;
    while (seed <= 500 && webhooksHold(await playWebhooks(seed, mutant))) seed += 1;
    if (seed <= 500) caught += 1;
    say(`mutant ${seed <= 500 ? `caught: ${name} (seed ${seed})` : `MISSED: ${name}`}`);
  }
  const free = await forgeMany();
  say(`${forgeries} forged deliveries: ${free ? "each refused, no storage call" : "NOT FREE"}`);
  const points = webhookKillPoints.filter((point) => kills.some((name) => point.startsWith(name)));
  const killed = await killWebhooks(points, ({ broken, died, point }) =>
    say(
      `${died ? "killed at" : "NEVER REACHED"} ${point}: ${broken.length === 0 ? "held" : broken.join("; ")}`,
    ),
  );
  const held = killed.filter(({ broken, died }) => died && broken.length === 0).length;
  const mutants = Object.keys(webhookMutants).length;
  say(
    `webhooks: schedules survived ${survived} of ${schedules} · deaths ${deaths} · kill points ${held} of ${killed.length} · mutants caught ${caught} of ${mutants}`,
  );
  return survived === schedules && caught === mutants && free && held === killed.length;
}
