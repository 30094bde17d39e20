/**
 * Plans the actions of a payload, as plain data: verdicts to enqueue, parts to search for hashes,
 * hunts to start.
 */
import { parseAlertId, type AlertId } from "../contracts/alert-id.ts";
import { maxAlertsPerRequest, type VerdictRequest } from "../contracts/alert-verdict.ts";
import { Problem } from "../contracts/problem.ts";
import type { InputFault } from "../contracts/input-faults.ts";
import type { DeliveryBody } from "../contracts/repeated-members.ts";
import type { WebhookAction } from "../contracts/webhook.ts";
import { textsAt } from "./pointers.ts";
import type { PayloadContent, PayloadVerdict } from "./payload.ts";
import { sha256 } from "./signatures.ts";
import type { HuntRule, Source } from "./sources.ts";

/** One verdict: alerts that close alike. */
export type PlannedVerdict = Omit<VerdictRequest, "dryRun">;

export interface ActionPlan {
  /**
   * The id of the delivery's first verdict, derived from its key alone: a repeated payload has no
   * effect, and another payload under the same key finds this one's record.
   */
  readonly id: string;
  readonly verdicts: readonly PlannedVerdict[];
  /** The parts of the payload to search; empty when the source may not look up hashes. */
  readonly search: readonly unknown[];
  readonly hunts: readonly string[];
  readonly skipped: readonly InputFault[];
}

/**
 * Plans the actions of a payload. A payload that repeats a member takes no verdict and starts no
 * hunt, because it does not say which value counts; the hashes of each value are looked up.
 *
 * @param key - identifies the delivery; every id is derived from it
 * @throws Problem 422 for more alerts than one request may name
 */
export function planActions(
  content: PayloadContent,
  { value, repeated }: DeliveryBody,
  source: Pick<Source, "name" | "allow" | "hunts">,
  { key, requestedAt }: { readonly key: string; readonly requestedAt: string },
): ActionPlan {
  const skipped: InputFault[] = [...content.skipped];
  const isAllowed = (verb: WebhookAction, isRequested: boolean): boolean => {
    if (isRequested && !source.allow.includes(verb))
      skipped.push({ path: "", message: `not allowed for this source: ${verb}` });
    return isRequested && source.allow.includes(verb);
  };
  skipped.push(...repeated.map(({ path }) => ({ path, message: repeatedMessage })));
  const isClear = repeated.length === 0;
  const verdicts = isAllowed("verdict", isClear && content.verdicts.length > 0)
    ? groupVerdicts(content.verdicts, skipped)
    : [];
  const hunts = isClear
    ? source.hunts.filter((rule) => isMet(rule, value)).map(({ hunt }) => hunt)
    : [];
  const digest = sha256(JSON.stringify([source.name, key]))
    .toString("hex")
    .slice(0, 32);
  const id = `${source.name}-${digest}`;
  return {
    id,
    verdicts: verdicts.map((verdict, index) =>
      toPlannedVerdict(
        verdict,
        index === 0 ? id : `${id}-${index + 1}`,
        `webhook ${source.name}`,
        requestedAt,
      ),
    ),
    search: source.allow.includes("enrich")
      ? [...content.search, ...repeated.map(({ name, value: dropped }) => ({ [name]: dropped }))]
      : [],
    hunts: isAllowed("hunt", hunts.length > 0) ? [...new Set(hunts)] : [],
    skipped,
  };
}

const repeatedMessage =
  "must not be repeated; no verdict is taken and no hunt is started, only hashes are looked up";

const isMet = ({ when = {} }: HuntRule, body: unknown): boolean =>
  Object.entries(when).every(([pointer, values]) => {
    const expected = new Set(values.map((value) => value.toLowerCase()));
    return textsAt(body, pointer).some((text) => expected.has(text.toLowerCase()));
  });

type ResolvedVerdict = Omit<PayloadVerdict, "alerts"> & { readonly alertIds: readonly AlertId[] };

/** Groups the alerts by closing; an alert belongs to the first closing that names it. */
function groupVerdicts(
  verdicts: readonly PayloadVerdict[],
  skipped: InputFault[],
): ResolvedVerdict[] {
  const groups = new Map<string, { verdict: PayloadVerdict; ids: Set<AlertId> }>();
  const plannedIds = new Set<AlertId>();
  for (const verdict of verdicts) {
    const { action, reason, comment, by } = verdict;
    const groupKey = JSON.stringify([action, reason, comment, by]);
    const group = groups.get(groupKey) ?? { verdict, ids: new Set<AlertId>() };
    for (const { path, ids } of verdict.alerts) {
      const id = findAlertId(path, ids, skipped);
      if (id !== undefined && !plannedIds.has(id)) group.ids.add(id);
      if (id !== undefined) plannedIds.add(id);
    }
    if (group.ids.size > 0) groups.set(groupKey, group);
  }
  if (plannedIds.size > maxAlertsPerRequest)
    throw new Problem(
      422,
      `The payload has ${plannedIds.size} alerts. Split it: must be at most ${maxAlertsPerRequest}.`,
    );
  return [...groups.values()].map(({ verdict, ids }) => ({ ...verdict, alertIds: [...ids] }));
}

/** Returns the first valid Cloud Apps id of an alert; otherwise records why none is valid. */
function findAlertId(
  path: string,
  ids: readonly string[],
  skipped: InputFault[],
): AlertId | undefined {
  const parsed = ids.map(parseAlertId);
  const match = parsed.find((each) => each.kind === "alert");
  if (match) return match.id;
  const [first] = parsed;
  skipped.push({
    path,
    message: first?.kind === "refused" ? first.message : "must be the alert's id",
  });
  return undefined;
}

function toPlannedVerdict(
  verdict: ResolvedVerdict,
  id: string,
  sender: string,
  requestedAt: string,
): PlannedVerdict {
  const { action, reason, alertIds } = verdict;
  const comment = cleanText(verdict.comment, 1_000);
  return {
    version: 1,
    id,
    action,
    ...(reason === undefined ? {} : { reason }),
    ...(comment === undefined ? {} : { comment }),
    requestedBy: cleanText(verdict.by, 256) ?? sender,
    requestedAt,
    alertIds: [...alertIds],
  };
}

/**
 * Returns text of a payload as a comment: without control characters except line breaks, cut to the
 * length.
 */
function cleanText(text: string | undefined, maxLength: number): string | undefined {
  const plain = text
    ?.toWellFormed()
    .replaceAll(/[^\P{Cc}\n\r\t]/gu, " ")
    .trim()
    .slice(0, maxLength)
    .toWellFormed()
    .trim();
  return plain === "" ? undefined : plain;
}
