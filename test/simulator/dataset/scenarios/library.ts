/** When stories happen, and their rows in a span. */
import { hourMs, ticksFromMs, type Ticks } from "../../../../shared/runtime/time.ts";
import type { Cast } from "../entities.ts";
import { createRandom, mix } from "../random.ts";
import { intrusions } from "./intrusions.ts";
import { toldBy, type Story, type Told } from "./scene.ts";
import { signals } from "./signals.ts";

export const stories: readonly Story[] = [...intrusions, ...signals];

/** Rows of a table that stories tell in `[from, to)`, by time. */
export type Library = (table: string, from: Ticks, to: Ticks) => readonly Told[];

/** Tellings kept at once; a month of all kinds has fewer. */
const mostKept = 2_000;

export function createLibrary(cast: Cast): Library {
  const kept = new Map<string, readonly Told[]>();
  const telling = (story: Story, slot: bigint): readonly Told[] => {
    const key = `${story.name} ${slot}`;
    const known = kept.get(key) ?? tellingIn(story, slot, cast);
    if (kept.size >= mostKept) kept.clear();
    kept.set(key, known);
    return known;
  };
  return (table, from, to) =>
    stories
      .filter(({ tables }) => tables.includes(table))
      .flatMap((story) => slotsOf(story, from, to).flatMap((slot) => telling(story, slot)))
      .filter((told) => told.table === table && told.at >= from && told.at < to)
      .sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
}

const slotTicks = ({ hours }: Story): Ticks => ticksFromMs(hours * hourMs);

/** A story lies whole in its slot, so only slots that meet the span matter. */
function slotsOf(story: Story, from: Ticks, to: Ticks): readonly bigint[] {
  const size = slotTicks(story);
  const slots: bigint[] = [];
  for (let slot = from / size; slot * size < to; slot += 1n) slots.push(slot);
  return slots;
}

/** It starts at a full hour of its slot and a few minutes, so that a story of half an hour stays in its hour. */
function tellingIn(story: Story, slot: bigint, cast: Cast): readonly Told[] {
  const random = createRandom(mix(cast.seed, story.name, Number(slot)));
  const hour = random.below(story.hours);
  const within = random.below(hourMs - story.lengthMs);
  return toldBy(story, cast, random, slot * slotTicks(story) + ticksFromMs(hour * hourMs + within));
}
