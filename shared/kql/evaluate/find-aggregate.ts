/** Finds an aggregate function with one result by its name. */
import { aggregates, type AggregateFactory } from "./aggregates.ts";
import { furtherAggregates } from "./further-aggregates.ts";

const allAggregates: ReadonlyMap<string, AggregateFactory> = new Map([
  ...Object.entries(aggregates),
  ...Object.entries(furtherAggregates),
]);

export const findAggregate = (name: string): AggregateFactory | undefined =>
  allAggregates.get(name);
