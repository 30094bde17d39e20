/** When stories happen, and their rows in a span. */
import { hourMs, ticksFromMs, type Ticks } from "../../../../shared/runtime/time.ts";
import type { Organization } from "../entities.ts";
import { createRandom, mixBits } from "../random.ts";
import { intrusions } from "./intrusions.ts";
import { runScenario, type Scenario, type ScenarioEvent } from "./scenario.ts";
import { signals } from "./signals.ts";

export const scenarios: readonly Scenario[] = [...intrusions, ...signals];

/** Rows of a table that stories tell in `[from, to)`, by time. */
export type ScenarioLibrary = (table: string, from: Ticks, to: Ticks) => readonly ScenarioEvent[];

/** Tellings kept at once; a month of all kinds has fewer. */
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

/** A story lies whole in its slot, so only slots that meet the span matter. */
function listSlots(scenario: Scenario, from: Ticks, to: Ticks): readonly bigint[] {
  const size = toSlotTicks(scenario);
  const slots: bigint[] = [];
  for (let slot = from / size; slot * size < to; slot += 1n) slots.push(slot);
  return slots;
}

/** It starts at a full hour of its slot and a few minutes, so that a story of half an hour stays in its hour. */
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
