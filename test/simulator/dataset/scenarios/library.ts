/** Schedules scenarios and returns their rows in a span. */
import { hourMs, ticksFromMs, type Ticks } from "../../../../shared/runtime/time.ts";
import type { Organization } from "../entities.ts";
import { createRandom, mixBits } from "../random.ts";
import { intrusions } from "./intrusions.ts";
import { runScenario, type Scenario, type ScenarioEvent } from "./scenario.ts";
import { signals } from "./signals.ts";

export const scenarios: readonly Scenario[] = [...intrusions, ...signals];

/** Returns rows of a table that scenarios emit in `[from, to)`, by time. */
export type ScenarioLibrary = (table: string, from: Ticks, to: Ticks) => readonly ScenarioEvent[];

/** Cached scenario runs; a month of all kinds has fewer. */
const maxCachedRuns = 2_000;

export function createScenarioLibrary(organization: Organization): ScenarioLibrary {
  const cache = new Map<string, readonly ScenarioEvent[]>();
  const loadEvents = (scenario: Scenario, slot: bigint): readonly ScenarioEvent[] => {
    const key = `${scenario.name} ${slot}`;
    const events = cache.get(key) ?? drawEvents(scenario, slot, organization);
    if (cache.size >= maxCachedRuns) cache.clear();
    cache.set(key, events);
    return events;
  };
  return (table, from, to) =>
    scenarios
      .filter(({ tables }) => tables.includes(table))
      .flatMap((scenario) =>
        listSlots(scenario, from, to).flatMap((slot) => loadEvents(scenario, slot)),
      )
      .filter((event) => event.table === table && event.at >= from && event.at < to)
      .sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
}

const toSlotTicks = ({ hours }: Scenario): Ticks => ticksFromMs(hours * hourMs);

/** A scenario is entirely within its slot, so only slots that overlap the span matter. */
function listSlots(scenario: Scenario, from: Ticks, to: Ticks): readonly bigint[] {
  const size = toSlotTicks(scenario);
  const slots: bigint[] = [];
  for (let slot = from / size; slot * size < to; slot += 1n) slots.push(slot);
  return slots;
}

/**
 * Starts a few minutes after a full hour, so that a scenario of half an hour stays in that hour.
 */
function drawEvents(
  scenario: Scenario,
  slot: bigint,
  organization: Organization,
): readonly ScenarioEvent[] {
  const random = createRandom(mixBits(organization.seed, scenario.name, Number(slot)));
  const hour = random.below(scenario.hours);
  const offsetMs = random.below(hourMs - scenario.lengthMs);
  return runScenario(
    scenario,
    organization,
    random,
    slot * toSlotTicks(scenario) + ticksFromMs(hour * hourMs + offsetMs),
  );
}
