/** Runs a query for a test and returns its result as plain values. */
import type { Evaluation } from "../../../../shared/kql/evaluate/evaluate.ts";
import { createDataset, type Dataset } from "../../../simulator/dataset/dataset.ts";
import {
  evaluateDataset,
  type DatasetContext,
} from "../../../simulator/hunting/evaluate-dataset.ts";

/** 2026-11-22T00:00:00Z, the present of these tests. */
export const now = 17_953_056_000_000_000n;

let cachedDataset: Dataset | undefined;

/** Returns a dataset without scenarios, created once. */
export const quietDataset = (): Dataset =>
  (cachedDataset ??= createDataset({
    startMs: Number(now / 10_000n) - 2 * 86_400_000,
    eventsPerHour: { DeviceProcessEvents: 60, EmailEvents: 30 },
  }));

/** Loads the parser, which takes a second or more: call it in `beforeAll`. */
export const warmUp = (): void => void runQuery("print 1");

interface QueryOptions extends Partial<DatasetContext> {
  readonly dataset?: Dataset;
}

/** Evaluates a query over the quiet dataset. */
export const evaluateQuery = (
  query: string,
  { dataset = quietDataset(), ...context }: QueryOptions = {},
): Evaluation => evaluateDataset(query, dataset, { now, ...context });

/** Returns the rows of a query; throws the message if it is refused. */
export function runQuery(
  query: string,
  options: QueryOptions = {},
): readonly (readonly unknown[])[] {
  const result = evaluateQuery(query, options);
  if ("refusedBy" in result) throw new Error(`${result.cause}: ${result.message}`);
  return Array.from(result.rows);
}

/** Returns the columns of a query as `name:type`. */
export function describeColumns(query: string): string {
  const result = evaluateQuery(query);
  if ("refusedBy" in result) throw new Error(`${result.cause}: ${result.message}`);
  return result.columns.map(({ name, type }) => `${name}:${type}`).join(", ");
}
