/** Runs a query for a test and shows what came of it as plain values. */
import { createWorld, type World } from "../../../simulator/dataset/dataset.ts";
import { evaluate, type QueryContext } from "../../../../shared/kql/evaluate/evaluate.ts";

/** 2026-11-22T00:00:00Z, the present of these tests. */
export const now = 17_953_056_000_000_000n;

let small: World | undefined;

/** A quiet world, drawn once. */
export const quietWorld = (): World =>
  (small ??= createWorld({
    startMs: Number(now / 10_000n) - 2 * 86_400_000,
    eventsPerHour: { DeviceProcessEvents: 60, EmailEvents: 30 },
  }));

/** Loads the parser, which takes a second or more on a busy machine: for `beforeAll`, whose time-out is the longer one. */
export const warmUp = (): void => void rowsOf("print 1");

/** Rows of a query; throws the service's message when it is refused. */
export function rowsOf(
  query: string,
  context: Partial<QueryContext> = {},
): readonly (readonly unknown[])[] {
  const result = evaluate(query, { world: quietWorld(), now, visibleAt: now, ...context });
  if (result.kind === "error") throw new Error(`${result.class}: ${result.message}`);
  return Array.from(result.rows);
}

/** Columns of a query as `name:type`. */
export function columnsOf(query: string): string {
  const result = evaluate(query, { world: quietWorld(), now, visibleAt: now });
  if (result.kind === "error") throw new Error(`${result.class}: ${result.message}`);
  return result.columns.map(({ name, type }) => `${name}:${type}`).join(", ");
}
