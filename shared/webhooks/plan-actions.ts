/** Turns what a reader found into orders, as plain data: messages for the verdict queue, hashes to look up, hunts to start. */
import { parseAlertId, type AlertId } from "../contracts/alert-id.ts";
import { mostAlertsInRequest, type VerdictRequest } from "../contracts/alert-verdict.ts";
import { Problem, type InputFault } from "../http/problem.ts";
import type { WebhookVerb } from "../contracts/webhook.ts";
import { textsAt } from "./pointers.ts";
import type { Reading, ReadVerdict } from "./payload.ts";
import { sha256 } from "./signatures.ts";
import type { HuntRule, Source } from "./sources.ts";

/** A verdict of one closing. */
export type VerdictOrder = Omit<VerdictRequest, "dryRun">;

export interface Orders {
  /**
   * The id of the delivery's first verdict, made of its key alone: a payload sent again asks for nothing new, and another
   * payload under the same key meets what this one wrote down.
   */
  readonly id: string;
  readonly verdicts: readonly VerdictOrder[];
  /** Parts of the payload to search; empty when the source may not ask for lookups. */
  readonly search: readonly unknown[];
  readonly hunts: readonly string[];
  readonly left: readonly InputFault[];
}

/**
 * @param key - stands for the delivery in every id that is made here
 * @throws Problem 422 for more alerts than one request may name
 */
export function ordersOf(
  reading: Reading,
  body: unknown,
  source: Pick<Source, "name" | "may" | "hunts">,
  { key, requestedAt }: { readonly key: string; readonly requestedAt: string },
): Orders {
  const left: InputFault[] = [...reading.left];
  const may = (verb: WebhookVerb, asked: boolean): boolean => {
    if (asked && !source.may.includes(verb))
      left.push({ path: "", message: `this source may not ask for: ${verb}` });
    return asked && source.may.includes(verb);
  };
  const verdicts = may("verdict", reading.verdicts.length > 0)
    ? verdictOrders(reading.verdicts, left)
    : [];
  const hunts = source.hunts.filter((rule) => isMet(rule, body)).map(({ hunt }) => hunt);
  const digest = sha256(JSON.stringify([source.name, key]))
    .toString("hex")
    .slice(0, 32);
  const id = `${source.name}-${digest}`;
  return {
    id,
    verdicts: verdicts.map((verdict, index) =>
      orderOf(
        verdict,
        index === 0 ? id : `${id}-${index + 1}`,
        `webhook ${source.name}`,
        requestedAt,
      ),
    ),
    search: source.may.includes("enrich") ? reading.search : [],
    hunts: may("hunt", hunts.length > 0) ? [...new Set(hunts)] : [],
    left,
  };
}

const isMet = ({ when = {} }: HuntRule, body: unknown): boolean =>
  Object.entries(when).every(([pointer, values]) => {
    const wanted = new Set(values.map((value) => value.toLowerCase()));
    return textsAt(body, pointer).some((text) => wanted.has(text.toLowerCase()));
  });

type Resolved = Omit<ReadVerdict, "alerts"> & { readonly alertIds: readonly AlertId[] };

/** One order a closing: alerts that end the same way go together, each once. */
function verdictOrders(verdicts: readonly ReadVerdict[], left: InputFault[]): Resolved[] {
  const groups = new Map<string, { verdict: ReadVerdict; ids: Set<AlertId> }>();
  const seen = new Set<AlertId>();
  for (const verdict of verdicts) {
    const { action, reason, comment, by } = verdict;
    const name = JSON.stringify([action, reason, comment, by]);
    const group = groups.get(name) ?? { verdict, ids: new Set<AlertId>() };
    for (const { path, ids } of verdict.alerts) {
      const id = idOf(path, ids, left);
      if (id !== undefined && !seen.has(id)) group.ids.add(id);
      if (id !== undefined) seen.add(id);
    }
    if (group.ids.size > 0) groups.set(name, group);
  }
  if (seen.size > mostAlertsInRequest)
    throw new Problem(
      422,
      `The payload names ${seen.size} alerts, want at most ${mostAlertsInRequest}; split it.`,
    );
  return [...groups.values()].map(({ verdict, ids }) => ({ ...verdict, alertIds: [...ids] }));
}

/** The first form of an alert's id that Cloud Apps knows; else why none does. */
function idOf(path: string, ids: readonly string[], left: InputFault[]): AlertId | undefined {
  const parsed = ids.map(parseAlertId);
  const known = parsed.find((each) => each.kind === "alert");
  if (known) return known.id;
  const [first] = parsed;
  left.push({ path, message: first?.kind === "refused" ? first.message : "want the alert's id" });
  return undefined;
}

function orderOf(verdict: Resolved, id: string, sender: string, requestedAt: string): VerdictOrder {
  const { action, reason, alertIds } = verdict;
  const comment = line(verdict.comment, 1_000);
  return {
    version: 1,
    id,
    action,
    ...(reason === undefined ? {} : { reason }),
    ...(comment === undefined ? {} : { comment }),
    requestedBy: line(verdict.by, 256) ?? sender,
    requestedAt,
    alertIds: [...alertIds],
  };
}

/** Text of a payload made fit for a comment: no control characters but line breaks, and not too long. */
function line(text: string | undefined, most: number): string | undefined {
  const plain = text
    ?.toWellFormed()
    .replaceAll(/[^\P{Cc}\n\r\t]/gu, " ")
    .trim()
    .slice(0, most)
    .toWellFormed()
    .trim();
  return plain === "" ? undefined : plain;
}
