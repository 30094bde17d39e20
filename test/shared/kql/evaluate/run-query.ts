/** Runs a query for a test and shows what came of it as plain values. */
import { createDataset, type Dataset } from "../../../simulator/dataset/dataset.ts";
import { evaluateQuery, type QueryContext } from "../../../../shared/kql/evaluate/evaluate.ts";

/** 2026-11-22T00:00:00Z, the present of these tests. */
export const now = 17_953_056_000_000_000n;

let cachedDataset: Dataset | undefined;

/** A quiet world, drawn once. */
export const quietDataset = (): Dataset =>
  (cachedDataset ??= createDataset({
    startMs: Number(now / 10_000n) - 2 * 86_400_000,
    eventsPerHour: { DeviceProcessEvents: 60, EmailEvents: 30 },
  }));

/** Loads the parser, which takes a second or more on a busy machine: for `beforeAll`, whose time-out is the longer one. */
export const warmUp = (): void => void runQuery("print 1");

/** Rows of a query; throws the service's message when it is refused. */
export function runQuery(
  query: string,
  context: Partial<QueryContext> = {},
): readonly (readonly unknown[])[] {
  const result = evaluateQuery(query, { dataset: quietDataset(), now, visibleAt: now, ...context });
  if (result.kind === "error") throw new Error(`${result.class}: ${result.message}`);
  return Array.from(result.rows);
}

/** Columns of a query as `name:type`. */
export function describeColumns(query: string): string {
  const result = evaluateQuery(query, { dataset: quietDataset(), now, visibleAt: now });
  if (result.kind === "error") throw new Error(`${result.class}: ${result.message}`);
  return result.columns.map(({ name, type }) => `${name}:${type}`).join(", ");
}
