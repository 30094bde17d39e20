/** The same rows, encoded by the simulated tenant's three back-ends in every way it knows, give byte-equal lines. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { defenderHunting, legacyHunting } from "../../../../shared/clients/hunting/defender.ts";
import { graphHunting } from "../../../../shared/clients/hunting/graph.ts";
import type { HuntColumn, KqlType } from "../../../../shared/contracts/compiled-hunt.ts";
import { backEnds } from "../../../simulator/hunting/back-ends.ts";
import { readSwitches, type Switches } from "../../../simulator/behaviors.ts";
import { ask } from "./hunting-bench.ts";

const nullable = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 6 });
const ticks = fc.bigInt({ min: -621_355_968_000_000_000n, max: 25_340_230_079_999_999_9n });

/** Bags and lists of one kind; a list of mixed kinds is text on Graph, beyond repair. */
const dynamic = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.boolean(),
    fc.string(),
    fc.array(fc.string(), { maxLength: 3 }),
    fc.array(fc.boolean(), { maxLength: 3 }),
    fc.array(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("value"), { maxKeys: 3 }), {
      maxLength: 3,
    }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("value"), { maxKeys: 4 }),
  ),
})).value;

const cells: Readonly<Record<KqlType, fc.Arbitrary<unknown>>> = {
  string: fc.string({ unit: "binary" }),
  long: nullable(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  int: nullable(fc.integer()),
  real: nullable(fc.double()),
  bool: nullable(fc.boolean()),
  datetime: nullable(ticks),
  timespan: nullable(fc.bigInt({ min: -(2n ** 50n), max: 2n ** 50n })),
  guid: nullable(fc.uuid()),
  decimal: nullable(fc.integer().map((value) => `${value}.10`)),
  dynamic: nullable(dynamic),
};

const tables = fc
  .uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[A-Z][A-Za-z]{1,7}(Id)?$/),
      type: fc.constantFrom(...(Object.keys(cells) as KqlType[])),
    }),
    { selector: ({ name }) => name, minLength: 1, maxLength: 6 },
  )
  .chain((columns) =>
    fc.record({
      columns: fc.constant(columns),
      rows: fc.array(fc.tuple(...columns.map(({ type }) => cells[type])), { maxLength: 5 }),
    }),
  );

const variants = fc.record({
  nulls: fc.constantFrom("object", "absent", "null"),
  fractions: fc.constantFrom("trimmed", "seven"),
  longSidecars: fc.constantFrom("ids", "all", "none"),
  decimals: fc.constantFrom("number", "text"),
  timespans: fc.constantFrom("kusto", "iso"),
  plainBooleans: fc.constantFrom("number", "boolean"),
});

function bodyOf(
  api: string,
  columns: readonly HuntColumn[],
  rows: readonly (readonly unknown[])[],
  switches: Switches["hunting"],
): string {
  const backEnd = backEnds.find(({ name }) => name === api);
  if (!backEnd) throw new Error(`the tenant has no ${api}`);
  const [head, tail] = backEnd.envelope(columns, rows.length === 0, switches);
  return `${head}${rows.map(backEnd.rows(columns, switches)).join(",")}${tail}`;
}

test("Graph, Defender and legacy give byte-equal lines for the same rows", async () => {
  await fc.assert(
    fc.asyncProperty(tables, variants, variants, async ({ columns, rows }, one, other) => {
      const lines = async (open: typeof graphHunting, api: string, changes: object) => {
        const body = bodyOf(api, columns, rows, readSwitches({ hunting: changes }).hunting);
        return (await ask(open, { body })).lines;
      };
      const graph = await lines(graphHunting, "graph", one);
      expect(graph.length).toBe(rows.length);
      expect(await lines(defenderHunting, "defender", other)).toEqual(graph);
      expect(await lines(legacyHunting, "legacy", other)).toEqual(graph);
    }),
    { numRuns: 400 },
  );
});
