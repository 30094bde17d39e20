import { describe, expect, test } from "vitest";
import type { CompiledHunt, HuntColumn } from "../../../../shared/contracts/compiled-hunt.ts";
import { readHuntHealth } from "../../../../shared/hunts/hunt-health.ts";
import { handleRunMessage } from "../../../../shared/hunts/run/handle-run-message.ts";
import { hourMs, minuteMs, formatInstant } from "../../../../shared/runtime/time.ts";
import {
  createRunMessage,
  huntHarness,
  noonMs,
  type HuntHarness,
} from "../../../support/hunt-harness.ts";
import { sourceRow, testHunt, type SourceRow } from "../../../support/hunt-source.ts";
import {
  createGraphPort,
  createSourceTransport,
  type SchemaPlace,
} from "../../../support/hunting-service.ts";
import { createRandom } from "../../../fault-injection/scheduler.ts";

const formats = ["ndjson", "csv", "parquet"] as const;
const timestamp: HuntColumn = { name: "Timestamp", type: "datetime" };
const id: HuntColumn = { name: "Id", type: "string" };

const runHunt = (harness: HuntHarness, hunt: CompiledHunt): Promise<string> =>
  handleRunMessage(harness.deps, hunt, createRunMessage(harness));

/** Returns the ids of all late rows that were exported, sorted. */
const listLateIds = ({ exports }: HuntHarness): unknown[] =>
  exports
    .listAll()
    .filter(({ path }) => path.includes("/hl_log=late/"))
    .flatMap(({ lines }) => lines)
    .map((line) => Object.values(JSON.parse(line) as object)[1] as unknown)
    .toSorted((a, b) => String(a).localeCompare(String(b)));

/** Values of each type as a service writes them, extreme and malformed ones included. */
const valuesByType: Readonly<Record<HuntColumn["type"], readonly string[]>> = {
  string: ['"a"', '"=1+1"', '"\'x"', '""', '"lone \\ud83d.exe"', '"a,\\"b\\"\\n"', "null"],
  long: ["1", "-9223372036854775808", "9007199254740993", "null", '"text"'],
  int: ["0", "2147483647", "null", "3000000000"],
  real: ["1E-07", "1E+20", "4.0", "0.1", '"NaN"', '"Infinity"', "null", "-0.0"],
  bool: ["true", "false", "null", "1"],
  datetime: [
    '"9999-12-31T00:00:00Z"',
    '"1601-01-01T00:00:00Z"',
    '"0001-01-01T00:00:00Z"',
    '"2026-01-05T06:38:35.7664356Z"',
    '"never"',
    "null",
  ],
  timespan: ['"1.02:03:04.5678901"', '"-00:00:01"', "null", '"soon"'],
  guid: ['"74be27de-1e4e-49d9-b579-fe0b331d3642"', '"no guid"', "null"],
  decimal: ["0.1", '"12345678901234567890.123456789"', "1E+3", "null"],
  dynamic: ['{"x":[1,2.0]}', "[]", '"text"', "12345678901234567890", "null", '{"s":"\\ud83d"}'],
};

describe("late rows among random values of all types", () => {
  test.each(formats)("are exported once and alone in %s", async (format) => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const random = createRandom(seed);
      const types = Object.keys(valuesByType) as HuntColumn["type"][];
      const extra = types.map((type, index) => ({ name: `C${index}`, type }));
      const values = new Map<string, string>();
      const toLine = ({ at, id: rowId }: SourceRow): string => {
        if (!values.has(rowId))
          values.set(
            rowId,
            extra
              .map(({ name, type }) => {
                const choices = valuesByType[type];
                return `"${name}":${choices[Math.floor(random() * choices.length)]}`;
              })
              .join(","),
          );
        return `{"Timestamp":"${formatInstant(at)}","Id":"${rowId}",${values.get(rowId)}}`;
      };
      const hunt = testHunt({ format, columns: [timestamp, id, ...extra] });
      const harness = huntHarness();
      Object.assign(harness.source, { columns: hunt.columns, toLine });
      for (let index = 0; index < 12; index += 1)
        harness.source.rows.push(sourceRow(noonMs - hourMs - index * minuteMs, `r${index}`));
      await runHunt(harness, hunt);
      const late = ["late-1", "late-2"].map((rowId) => ({
        ...sourceRow(noonMs - hourMs, rowId),
        arrivesMs: harness.clock.now(),
      }));
      harness.source.rows.push(...late);
      await harness.clock.advance(hourMs);
      await runHunt(harness, hunt);
      expect([seed, listLateIds(harness)]).toEqual([seed, ["late-1", "late-2"]]);
    }
  });
});

/** Each change of the schema between an export and the recount of its window. */
const changes: readonly {
  readonly name: string;
  readonly before: readonly HuntColumn[];
  readonly after: readonly HuntColumn[];
}[] = [
  { name: "gains a column", before: [timestamp, id], after: [timestamp, id, column("New", "int")] },
  {
    name: "loses a column",
    before: [timestamp, id, column("Old", "int")],
    after: [timestamp, id],
  },
  {
    name: "changes the type of a column",
    before: [timestamp, id, column("Size", "int")],
    after: [timestamp, id, column("Size", "string")],
  },
  {
    name: "changes the case of a column",
    before: [timestamp, id, column("FileName", "string")],
    after: [timestamp, id, column("Filename", "string")],
  },
];

function column(name: string, type: HuntColumn["type"]): HuntColumn {
  return { name, type };
}

function changeSchema(harness: HuntHarness, columns: readonly HuntColumn[]): void {
  const toLine = ({ at, id: rowId }: SourceRow): string => {
    const rest = columns.slice(2).map(({ name, type }) => {
      const value = type === "string" ? `"${rowId.length}"` : String(rowId.length);
      return `,"${name}":${value}`;
    });
    return `{"Timestamp":"${formatInstant(at)}","Id":"${rowId}"${rest.join("")}}`;
  };
  Object.assign(harness.source, { columns, toLine });
}

/** Lets the app's own client of Graph read the source's rows from JSON. */
function answerOverWire(harness: HuntHarness, findPlace: () => SchemaPlace): void {
  const { clock, source } = harness;
  const transport = createSourceTransport(source, findPlace);
  const port = createGraphPort({ clock, transport });
  harness.deps = { ...harness.deps, hunting: { ...port, caps: source.caps } };
}

describe("a service whose schema changes", () => {
  test.each(changes.flatMap((change) => formats.map((format) => ({ ...change, format }))))(
    "loses and doubles no late row when it $name ($format)",
    async ({ before, after, format }) => {
      const hunt = testHunt({ format, columns: before });
      const harness = huntHarness();
      changeSchema(harness, before);
      for (const rowId of ["a", "b", "c"])
        harness.source.rows.push(sourceRow(noonMs - hourMs, rowId));
      await runHunt(harness, hunt);
      const late = { ...sourceRow(noonMs - hourMs, "late"), arrivesMs: harness.clock.now() };
      harness.source.rows.push(late);
      await harness.clock.advance(hourMs);
      changeSchema(harness, after);
      expect(await runHunt(harness, hunt)).toBe("done");
      expect(listLateIds(harness)).toEqual(["late"]);
      await harness.clock.advance(hourMs);
      await runHunt(harness, hunt);
      expect(listLateIds(harness)).toEqual(["late"]);
    },
  );

  test.each(
    changes.flatMap((change) =>
      formats.flatMap((format) =>
        (["none", "last"] as const).flatMap((place) => [
          { ...change, format, place, missing: "before" },
          { ...change, format, place, missing: "after" },
        ]),
      ),
    ),
  )(
    "loses and doubles no late row when it $name and answers $missing the change put the schema $place ($format)",
    async ({ before, after, format, place, missing }) => {
      const compiled = missing === "before" ? after : before;
      const hunt = testHunt({ format, columns: compiled });
      const harness = huntHarness();
      let current: SchemaPlace = missing === "before" ? place : "first";
      answerOverWire(harness, () => current);
      changeSchema(harness, before);
      for (const rowId of ["a", "b", "c"])
        harness.source.rows.push(sourceRow(noonMs - hourMs, rowId));
      await runHunt(harness, hunt);
      harness.source.rows.push({
        ...sourceRow(noonMs - hourMs, "late"),
        arrivesMs: harness.clock.now(),
      });
      for (let run = 1; run <= 2; run += 1) {
        await harness.clock.advance(hourMs);
        changeSchema(harness, after);
        current = missing === "after" ? place : "first";
        expect(await runHunt(harness, hunt)).toBe("done");
        expect(listLateIds(harness)).toEqual(["late"]);
      }
    },
  );

  test.each(formats)(
    "loses and doubles no late row when the records of schemas are lost and a column is new (%s)",
    async (format) => {
      const hunt = testHunt({ format, columns: [timestamp, id, column("New", "int")] });
      const harness = huntHarness();
      answerOverWire(harness, () => "none");
      changeSchema(harness, [timestamp, id]);
      harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - hourMs, "b"));
      await runHunt(harness, hunt);
      for (const path of harness.records.paths().filter((one) => one.includes("/schemas/")))
        harness.records.poke(path, undefined);
      harness.source.rows.push({
        ...sourceRow(noonMs - hourMs, "late"),
        arrivesMs: harness.clock.now(),
      });
      await harness.clock.advance(hourMs);
      changeSchema(harness, hunt.columns);
      expect(await runHunt(harness, hunt)).toBe("done");
      expect(listLateIds(harness)).toEqual(["late"]);
    },
  );

  test.each(formats)("keeps a column that only its rows name (%s)", async (format) => {
    const hunt = testHunt({ format, columns: [timestamp, id] });
    const harness = huntHarness();
    answerOverWire(harness, () => "none");
    changeSchema(harness, [timestamp, id, column("New", "string")]);
    harness.source.rows.push(sourceRow(noonMs - hourMs, "abc"));
    await runHunt(harness, hunt);
    const [window] = harness.exports.listAll();
    const stored = await harness.exports.readRows(window?.path ?? "", format, 0, 1);
    expect(stored.map((row) => JSON.parse(row) as object)).toEqual([
      expect.objectContaining({ Id: "abc", New: "3" }),
    ]);
  });

  test.each(formats)("loses and doubles no row between two shards (%s)", async (format) => {
    const [before, after] = [
      [timestamp, id],
      [timestamp, id, column("New", "int")],
    ];
    const hunt = testHunt({ format, columns: before });
    const harness = huntHarness({
      cap: 10,
      interceptQuery: (query) => {
        if (/shard [^0]/.test(query)) changeSchema(harness, after);
        return undefined;
      },
    });
    changeSchema(harness, before);
    for (let index = 0; index < 35; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs, `r${index}`));
    await runHunt(harness, hunt);
    const rows = harness.exports.listAll().flatMap(({ lines }) => lines);
    expect(rows).toHaveLength(35);
    const isWhole = rows.every((row) => format === "ndjson" || row.includes('"New"'));
    expect(isWhole).toBe(true);
  });

  test("is logged once, at the export that has the new schema, and shown at the hunt", async () => {
    const harness = huntHarness();
    const hunt = testHunt();
    const old = [timestamp, id, column("Size", "int"), column("Old", "int")];
    const renewed = [timestamp, id, column("Size", "string"), column("New", "int")];
    changeSchema(harness, old);
    for (let hour = 1; hour <= 12; hour += 1) {
      if (hour === 1 || hour > 8)
        harness.source.rows.push(sourceRow(harness.clock.now() - hourMs, `r${hour}`));
      if (hour === 2) {
        expect(await readHuntHealth(harness.deps, hunt, harness.clock.now())).toMatchObject({
          schemaChange: null,
          suppressed: null,
          warnings: [],
        });
        changeSchema(harness, renewed);
      }
      await runHunt(harness, hunt);
      await harness.clock.advance(hourMs);
    }
    // An empty window of six hours is between the two schemas.
    const changedAt = harness.exports.listAll()[2]?.metadata.to;
    const events = harness.loggedEvents.filter(({ event }) => event === "hunt.schemaChanged");
    expect(events.map(({ fields }) => fields)).toEqual([
      expect.objectContaining({ seq: 2, gained: "New", lost: "Old", retyped: "Size" }),
    ]);
    expect(await readHuntHealth(harness.deps, hunt, harness.clock.now())).toMatchObject({
      schemaChange: { changedAt, seq: 2, gained: ["New"], lost: ["Old"], retyped: ["Size"] },
    });
  });

  test("is logged by the next run when a run ends before its record of the hunt", async () => {
    const harness = huntHarness();
    const hunt = testHunt();
    changeSchema(harness, [timestamp, id]);
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    await runHunt(harness, hunt);
    changeSchema(harness, [timestamp, id, column("New", "int")]);
    await harness.clock.advance(hourMs);
    harness.source.rows.push(sourceRow(harness.clock.now() - hourMs + 1, "b"));
    const { deps } = harness;
    const isHead = (path: string): boolean => path.endsWith("/head.json");
    harness.deps = {
      ...deps,
      queues: { send: () => Promise.reject(new Error("the process ends")) },
    };
    await runHunt(harness, hunt).catch(() => undefined);
    harness.deps = deps;
    expect(harness.records.paths().some(isHead)).toBe(true);
    await harness.clock.advance(hourMs);
    await runHunt(harness, hunt);
    const events = harness.loggedEvents.filter(({ event }) => event === "hunt.schemaChanged");
    expect(events.map(({ fields }) => fields["gained"])).toEqual(["New"]);
  });

  test("exports no late rows and pauses the hunt when a recount has no time column", async () => {
    const harness = huntHarness();
    const hunt = testHunt();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    await runHunt(harness, hunt);
    harness.source.rows.push({
      ...sourceRow(noonMs - hourMs, "late"),
      arrivesMs: harness.clock.now(),
    });
    Object.assign(harness.source, {
      columns: [id],
      toLine: ({ id: text }: SourceRow) => `{"Id":"${text}"}`,
    });
    await harness.clock.advance(hourMs);
    await runHunt(harness, hunt);
    expect(listLateIds(harness)).toEqual([]);
    expect(harness.records.peek("state/hunts/test-hunt/status.json")).toContain(
      "time column Timestamp",
    );
  });

  test("pauses the hunt when the time column is gone from a shard", async () => {
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 35; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs, `r${index}`));
    Object.assign(harness.source, {
      columns: [id],
      toLine: ({ id: text }: SourceRow) => `{"Id":"${text}"}`,
    });
    expect(await runHunt(harness, testHunt())).toBe("degraded");
    expect(harness.exports.listAll().filter(({ lines }) => lines.length > 0)).toEqual([]);
    expect(harness.records.peek("state/hunts/test-hunt/status.json")).toContain(
      "time column Timestamp",
    );
  });

  test("pauses the hunt with the reason when the time column is gone", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    Object.assign(harness.source, { columns: [id], toLine: () => '{"Id":"a"}' });
    expect(await runHunt(harness, testHunt())).toBe("degraded");
    expect(harness.exports.listAll()).toEqual([]);
    expect(harness.records.peek("state/hunts/test-hunt/status.json")).toContain(
      "time column Timestamp",
    );
  });
});
