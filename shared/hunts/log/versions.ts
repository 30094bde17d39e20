/** When a hunt's query, mode, format or enrichment has changed: its log is closed and goes on in the next version. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntBirth } from "../../contracts/hunt-state.ts";
import {
  dayMs,
  formatInstant,
  minuteMs,
  msFromTicks,
  parseInstant,
  ticksFromMs,
  type Ticks,
} from "../../runtime/time.ts";
import { commitBare } from "./commit.ts";
import type { FoundExport, HuntPorts } from "../ports.ts";
import { readBirth } from "./state.ts";
import { walk, type BirthOf, type FoundTip, type Tip } from "./log-end.ts";

/** The service keeps 30 days; nothing is asked for that may be gone while it is read. */
const oldestMs = 29 * dayMs;

/**
 * Makes the births of one run.
 *
 * @param serverNow - the storage service's clock
 */
export const birthMaker =
  (hunt: CompiledHunt, serverNow: Ticks): BirthOf =>
  (_version, from, former): HuntBirth => ({
    from: formatInstant(
      from ?? serverNow - ticksFromMs(hunt.lagMs + Math.min(hunt.lookBackMs, oldestMs)),
    ),
    queryHash: hunt.queryHash,
    format: hunt.format,
    startedAt: formatInstant(serverNow),
    ...(former === undefined ? {} : { former }),
  });

/** A tip that is ours to append to, or how long to leave it to the others. */
export type OwnTip =
  | { readonly kind: "own"; readonly found: FoundTip }
  | { readonly kind: "theirs"; readonly waitMs: number };

/**
 * While an app is being replaced, old and new instances run side by side for minutes. An instance that finds its own
 * query replaced this recently takes itself for the old one; later, for one that was brought back.
 */
const replacedMs = 10 * minuteMs;

/** Closes versions of other queries until the tip is one of ours. */
export async function ownTip(
  ports: HuntPorts,
  hunt: CompiledHunt,
  start: FoundTip,
  birthOf: BirthOf,
  serverNow: Ticks,
): Promise<OwnTip> {
  let found = start;
  while (found.tip.queryHash !== hunt.queryHash) {
    const waitMs = await justReplaced(ports, hunt, found.tip, serverNow);
    if (waitMs > 0) return { kind: "theirs", waitMs };
    const passed: FoundExport[] = [...found.passed];
    await closeVersion(ports, hunt, found.tip);
    const walked = await walk(ports, hunt, found.tip, birthOf);
    found = { ...found, tip: walked.tip, passed: [...passed, ...walked.passed] };
  }
  return { kind: "own", found };
}

async function justReplaced(
  ports: HuntPorts,
  hunt: CompiledHunt,
  tip: Tip,
  serverNow: Ticks,
): Promise<number> {
  const birth = await readBirth(ports, hunt.name, tip.version);
  const started = birth?.former === hunt.queryHash ? parseInstant(birth.startedAt) : undefined;
  return started === undefined ? 0 : Math.max(0, replacedMs - msFromTicks(serverNow - started));
}

/** Commits the closing record; whether it or another record takes the place, the walk that follows finds it. */
async function closeVersion(ports: HuntPorts, hunt: CompiledHunt, tip: Tip): Promise<void> {
  const nothing = { from: tip.from, to: tip.from };
  await commitBare(ports, hunt, tip, nothing, { complete: "closed", next: `v${tip.version + 1}` });
}
