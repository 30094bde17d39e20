/** Finds what a person has promised to look at by now: known rows that ended, and reviews. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { dayMs, msFromTicks, parseInstant } from "../runtime/time.ts";

/** Returns one sentence for each date of the hunt's file that has passed. */
export const listHuntWarnings = (
  { known, reviewBy }: Pick<CompiledHunt, "known" | "reviewBy">,
  nowMs: number,
): readonly string[] => [
  ...known.flatMap(({ until, why }, index) =>
    hasPassed(until, nowMs)
      ? [`/known/${index} ended on ${until.slice(0, 10)} (${why}): remove it or extend until.`]
      : [],
  ),
  ...(reviewBy !== undefined && hasPassed(reviewBy, nowMs - dayMs)
    ? [`The review was due on ${reviewBy}: review the hunt and set a later reviewBy.`]
    : []),
];

function hasPassed(text: string, nowMs: number): boolean {
  const at = parseInstant(text);
  return at !== undefined && msFromTicks(at) <= nowMs;
}
