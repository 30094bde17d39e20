import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createDataset, type Row, type DatasetOptions } from "./dataset.ts";

const hour = 36_000_000_000n;
const minute = hour / 60n;
const noon = 17_953_056_000_000_000n;
const table = "DeviceProcessEvents";
const options = {
  eventsPerHour: { [table]: 240, EmailEvents: 60 },
  seed: 7,
} satisfies DatasetOptions;

const readRows = (
  dataset: ReturnType<typeof createDataset>,
  from: bigint,
  to: bigint,
  name = table,
): readonly Row[] => Array.from(dataset.readRows(name, { from, to }));

describe("a dataset", () => {
  test("equals another dataset with equal options, row by row", () => {
    const [one, other] = [createDataset(options), createDataset(options)];
    expect(readRows(one, noon, noon + hour)).toEqual(readRows(other, noon, noon + hour));
    expect(one.devices).toEqual(other.devices);
    expect(one.files).toEqual(other.files);
  });

  test("differs from a dataset with another seed", () => {
    expect(readRows(createDataset(options), noon, noon + hour)).not.toEqual(
      readRows(createDataset({ ...options, seed: 8 }), noon, noon + hour),
    );
  });

  test.each(["uniform", "bursty", "one-tick"] as const)(
    "has exactly the configured rows in an hour, %s",
    (distribution) => {
      const dataset = createDataset({ ...options, distribution });
      expect(dataset.countRows(table, { from: noon, to: noon + hour })).toBe(240);
      expect(dataset.countRows(table, { from: noon, to: noon + 48n * hour })).toBe(48 * 240);
    },
  );

  test("returns for a window the rows of its parts, for any split", () => {
    const datasets = [
      createDataset(options),
      createDataset({ ...options, distribution: "bursty" }),
      createDataset({ ...options, scenarios: true }),
    ];
    const offset = fc.bigInt({ min: 0n, max: 5n * hour });
    fc.assert(
      fc.property(
        fc.constantFrom(...datasets),
        fc.constantFrom(table, "EmailAttachmentInfo", "DeviceFileEvents"),
        offset,
        offset,
        offset,
        (dataset, name, ...cuts) => {
          const [from, middle, to] = cuts
            .toSorted((one, other) => (one < other ? -1 : 1))
            .map((cut) => noon + cut);
          if (from === undefined || middle === undefined || to === undefined) return;
          expect([
            ...readRows(dataset, from, middle, name),
            ...readRows(dataset, middle, to, name),
          ]).toEqual(readRows(dataset, from, to, name));
        },
      ),
      { numRuns: 40 },
    );
  });

  test("returns rows by time, within the span", () => {
    const times = readRows(createDataset(options), noon, noon + hour).map(([at]) => at as bigint);
    expect(times).toEqual(times.toSorted((one, other) => (one < other ? -1 : 1)));
    expect(times.every((at) => at >= noon && at < noon + hour)).toBe(true);
  });

  test("puts a burst of one tick at one instant with seven digits", () => {
    const times = new Set(
      readRows(createDataset({ ...options, distribution: "one-tick" }), noon, noon + hour).map(
        ([at]) => at,
      ),
    );
    expect(times.size).toBe(1);
    expect((([...times][0] as bigint) % 10_000_000n).toString()).toBe("7664356");
  });

  test("returns a row in the window that begins at its instant, not in the one that ends there", () => {
    const dataset = createDataset({ ...options, distribution: "one-tick" });
    const [first] = readRows(dataset, noon, noon + hour);
    const at = first?.[0] as bigint;
    const counts = [
      [at - 1n, at],
      [at, at + 1n],
      [at + 1n, at + 2n],
    ].map(([from = 0n, to = 0n]) => dataset.countRows(table, { from, to }));
    expect(counts).toEqual([0, 240, 0]);
  });

  test("puts most rows of a bursty hour into three minutes", () => {
    const dataset = createDataset({ ...options, distribution: "bursty" });
    const minutes = Array.from({ length: 60 }, (_, index) =>
      dataset.countRows(table, {
        from: noon + BigInt(index) * minute,
        to: noon + BigInt(index + 1) * minute,
      }),
    );
    const busiest = minutes
      .toSorted((one, other) => other - one)
      .slice(0, 3)
      .reduce((total, rows) => total + rows, 0);
    expect(busiest).toBeGreaterThan(180);
  });

  test("has no rows before its start", () => {
    const dataset = createDataset({ ...options, startMs: Number(noon / 10_000n) });
    expect(dataset.countRows(table, { from: noon - hour, to: noon + hour })).toBe(240);
  });

  test("shows a row a few seconds after its time", () => {
    const dataset = createDataset(options);
    const visible = dataset.countRows(table, { from: noon, to: noon + hour }, noon + hour);
    expect(visible).toBeLessThanOrEqual(240);
    expect(
      dataset.countRows(table, { from: noon, to: noon + hour }, noon + hour + 100_000_000n),
    ).toBe(240);
    expect(dataset.countRows(table, { from: noon, to: noon + hour }, noon)).toBe(0);
  });

  test("delays the configured share of rows, and returns them in order after they arrive", () => {
    const dataset = createDataset({ ...options, late: { share: 0.25, delayMs: 2 * 3_600_000 } });
    const early = dataset.countRows(table, { from: noon, to: noon + hour }, noon + hour + minute);
    expect(early).toBeGreaterThan(150);
    expect(early).toBeLessThan(210);
    expect(
      Array.from(dataset.readRows(table, { from: noon, to: noon + hour }, noon + 4n * hour)),
    ).toEqual(readRows(createDataset(options), noon, noon + hour));
  });

  test("attaches files only to mails of the same instant and id", () => {
    const dataset = createDataset(options);
    const findColumnIndex = (name: string, column: string): number =>
      dataset.tables.get(name)?.findIndex((one) => one.name === column) ?? -1;
    const mails = new Map(
      readRows(dataset, noon, noon + 3n * hour, "EmailEvents").map((row) => [
        row[findColumnIndex("EmailEvents", "NetworkMessageId")],
        row,
      ]),
    );
    const attachments = readRows(dataset, noon, noon + 3n * hour, "EmailAttachmentInfo");
    expect(attachments.length).toBeGreaterThan(20);
    for (const row of attachments) {
      const mail = mails.get(row[findColumnIndex("EmailAttachmentInfo", "NetworkMessageId")]);
      expect([mail?.[0], mail?.[findColumnIndex("EmailEvents", "AttachmentCount")]]).toEqual([
        row[0],
        1,
      ]);
    }
  });

  test("has every column of every table it fills, in the type the schema says", () => {
    const dataset = createDataset({ eventsPerHour: 20 });
    const jsTypes: Readonly<Record<string, readonly string[]>> = {
      string: ["string"],
      long: ["bigint"],
      int: ["number"],
      real: ["number"],
      bool: ["boolean"],
      datetime: ["bigint"],
      dynamic: ["object", "string", "number"],
    };
    for (const [name, columns] of dataset.tables) {
      for (const row of readRows(dataset, noon, noon + 24n * hour, name)) {
        expect(row).toHaveLength(columns.length);
        const mismatched = columns.filter(
          ({ type }, index) =>
            row[index] !== null && jsTypes[type]?.includes(typeof row[index]) !== true,
        );
        expect(mismatched.map((column) => `${name}.${column.name}`)).toEqual([]);
      }
    }
  });

  test("reads a million rows an hour in bounded memory", () => {
    const dataset = createDataset({ eventsPerHour: { DeviceInfo: 1_000_000 } });
    const before = process.memoryUsage().heapUsed;
    let maxBytes = 0;
    let rows = 0;
    for (const _ of dataset.readRows("DeviceInfo", { from: noon, to: noon + hour / 10n })) {
      rows += 1;
      if (rows % 20_000 === 0)
        maxBytes = Math.max(maxBytes, process.memoryUsage().heapUsed - before);
    }
    expect(rows).toBe(100_000);
    expect(maxBytes).toBeLessThan(200 * 2 ** 20);
  });
});

describe("rows added by hand", () => {
  const row = {
    Timestamp: "2026-11-22T00:30:00.0000001Z",
    DeviceName: "by-hand",
    ReportId: 9_007_199_254_740_993n,
  };
  const at = noon + hour / 2n + 1n;

  test("orders added rows by time and equal ones by insertion", () => {
    const dataset = createDataset(options);
    dataset.addRow(table, { ...row, FileName: "one.exe" });
    dataset.addRow(table, { ...row, FileName: "two.exe" });
    dataset.addRow(table, { ...row, FileName: "three.exe" });
    const rows = readRows(dataset, noon, noon + hour);
    const columnIndex =
      dataset.tables.get(table)?.findIndex(({ name }) => name === "FileName") ?? -1;
    expect(rows).toHaveLength(243);
    expect(
      rows.filter(([time]) => time === at).map((matchingRow) => matchingRow[columnIndex]),
    ).toEqual(["one.exe", "two.exe", "three.exe"]);
    const times = rows.map(([time]) => time as bigint);
    expect(times).toEqual(times.toSorted((one, other) => (one < other ? -1 : 1)));
  });

  test("fills absent columns with empty values and keeps given values exactly", () => {
    const dataset = createDataset({ eventsPerHour: {} });
    dataset.addRow(table, row);
    const [added] = readRows(dataset, noon, noon + hour);
    const valuesByName = Object.fromEntries(
      (dataset.tables.get(table) ?? []).map(({ name }, index) => [name, added?.[index]]),
    );
    expect(valuesByName).toMatchObject({
      Timestamp: at,
      ReportId: 9_007_199_254_740_993n,
      FileName: "",
      ProcessId: null,
    });
  });

  test("hides added rows until they arrive", () => {
    const dataset = createDataset({ eventsPerHour: {} });
    dataset.addRow(table, row);
    dataset.addRow(table, row, noon + 2n * hour);
    dataset.addLateRow(table, row, 3 * 3_600_000);
    const countVisibleAt = (visibleAt: bigint): number =>
      dataset.countRows(table, { from: noon, to: noon + hour }, visibleAt);
    expect([
      countVisibleAt(at),
      countVisibleAt(at + 20_000_000n),
      countVisibleAt(noon + 2n * hour),
      countVisibleAt(noon + 4n * hour),
    ]).toEqual([0, 1, 2, 3]);
  });

  test.each([
    [
      "an unknown column",
      table,
      { Timestamp: "2026-11-22", Nope: 1 },
      "the table has no column Nope",
    ],
    ["no time", table, {}, "needs a Timestamp"],
    ["no such table", "Nope", {}, "the world has no table Nope"],
  ])("refuses added rows with %s", (_, name, invalidRow, message) => {
    expect(() => createDataset(options).addRow(name, invalidRow)).toThrow(message);
  });
});
