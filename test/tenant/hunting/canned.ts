/** Stands in for the KQL evaluator until it is there: the first table named, between the first two datetime literals. */
import { parseInstant } from "../../../shared/time.ts";
import type { World } from "../world/world.ts";
import type { Evaluate } from "./evaluation.ts";

export const cannedEvaluate =
  (world: World): Evaluate =>
  (query, { timespan, visibleAt }) => {
    const table = [...world.tables.keys()].find((name) => new RegExp(`\\b${name}\\b`).test(query));
    const columns = world.tables.get(table ?? "");
    if (table === undefined || !columns) return { kind: "error", class: "table", message: "No such table." };
    const [from, to] = [...query.matchAll(/datetime\(([^)]+)\)/g)].map(([, text = ""]) => parseInstant(text));
    const span = {
      from: from !== undefined && from > timespan.from ? from : timespan.from,
      to: to !== undefined && to < timespan.to ? to : timespan.to,
    };
    if (/\|\s*count\b/.test(query)) {
      return {
        kind: "table",
        columns: [{ name: "Count", type: "long" }],
        rows: [[BigInt(world.count(table, span, visibleAt))]],
      };
    }
    return { kind: "table", columns, rows: world.rows(table, span, visibleAt) };
  };
