import { expect, test } from "vitest";
import { createWorld } from "../world/world.ts";
import { evaluate } from "./evaluate.ts";

const now = 17_934_912_000_000_000n;
const world = createWorld({ eventsPerHour: 600 });

test("filters and counts the rows of a window", () => {
  const query = "DeviceProcessEvents | where Timestamp >= ago(1h) and Timestamp < now() | project Timestamp | count";
  const result = evaluate(query, { world, now, visibleAt: now + 600_000_000n });
  expect(result.kind === "table" && [...result.rows]).toEqual([[600n]]);
});
