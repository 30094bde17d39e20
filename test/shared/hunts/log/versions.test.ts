import { describe, expect, test } from "vitest";
import { carryOut } from "../../../../shared/hunts/run/handle-run-message.ts";
import { chainHash } from "../../../../shared/hunts/log/metadata.ts";
import type { CompiledHunt } from "../../../../shared/contracts/compiled-hunt.ts";
import { dayMs, hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import {
  exportedLines,
  huntRoom,
  noonMs,
  orderNow,
  type HuntRoom,
} from "../../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../../support/hunt-source.ts";

const former = testHunt();
const newer = testHunt({ queryHash: "b".repeat(64) });

async function runLater(room: HuntRoom, hunt: CompiledHunt, ms = hourMs): Promise<string> {
  await room.clock.advance(ms);
  return carryOut(room.ports, hunt, orderNow(room));
}

const log = (room: HuntRoom): [string, string, number][] =>
  room.exports
    .all()
    .map(({ path, metadata: { complete, rows } }) => [
      path.replace("test-hunt/", ""),
      complete,
      rows,
    ]);

async function started(): Promise<HuntRoom> {
  const room = huntRoom();
  room.source.rows.push(
    sourceRow(noonMs - hourMs, "a"),
    sourceRow(noonMs, "b"),
    sourceRow(noonMs + hourMs, "c"),
  );
  await runLater(room, former, 0);
  return room;
}

describe("a changed query", () => {
  test("closes the log and goes on in the next version, where it left off", async () => {
    const room = await started();
    await runLater(room, newer);
    expect(log(room)).toEqual([
      ["v1/2026/01/04/000000000000.ndjson.gz", "yes", 1],
      ["v1/2026/01/05/000000000001.ndjson.gz", "closed", 0],
      ["v2/2026/01/05/000000000000.ndjson.gz", "yes", 1],
    ]);
    const [, closing, first] = room.exports.all();
    expect(closing?.metadata).toMatchObject({ next: "v2", from: closing?.metadata.to });
    expect(first?.metadata).toMatchObject({
      from: closing?.metadata.to,
      prev: closing && chainHash(closing.metadata),
    });
  });

  test("is not taken back by an instance that still has the old one", async () => {
    const room = await started();
    await runLater(room, newer);
    expect(await runLater(room, former, minuteMs)).toBe("continues");
    expect(log(room)).toHaveLength(3);
  });

  test("is taken back when the old one is deployed again", async () => {
    const room = await started();
    await runLater(room, newer);
    await runLater(room, former);
    expect(log(room).at(-1)?.[0]).toMatch(/^v3\//);
    expect(exportedLines(room)).toHaveLength(3);
  });

  test("is found without the cache", async () => {
    const room = await started();
    await runLater(room, newer);
    room.records.poke("state/hunts/test-hunt/head.json", undefined);
    await runLater(room, newer);
    expect(log(room).at(-1)?.[0]).toBe("v2/2026/01/05/000000000001.ndjson.gz");
  });

  test("goes on after a crash between the closing record and the first export", async () => {
    const room = await started();
    const { reach } = room.ports;
    room.ports = {
      ...room.ports,
      reach: (point) =>
        point === "E2 window planned" ? Promise.reject(new Error("killed")) : reach(point),
    };
    await runLater(room, newer);
    room.records.poke("state/hunts/test-hunt/head.json", undefined);
    room.ports = { ...room.ports, reach };
    await runLater(room, newer);
    expect(log(room).map(([path]) => path.slice(0, 2))).toEqual(["v1", "v1", "v2"]);
    expect(exportedLines(room)).toHaveLength(3);
  });

  test("another format has its own ending, and the closing record that of the log it closes", async () => {
    const room = await started();
    await runLater(room, testHunt({ queryHash: "c".repeat(64), format: "csv" }));
    expect(log(room).map(([path]) => path)).toEqual([
      "v1/2026/01/04/000000000000.ndjson.gz",
      "v1/2026/01/05/000000000001.ndjson.gz",
      "v2/2026/01/05/000000000000.csv.gz",
    ]);
  });
});

describe("a log that stood still for longer than the service keeps rows", () => {
  test("says so with a gap, and goes on after it", async () => {
    const room = await started();
    room.source.rows.push(sourceRow(noonMs + 40 * dayMs - hourMs, "after"));
    await runLater(room, former, 40 * dayMs);
    const records = room.exports.all().map(({ metadata }) => metadata);
    const gap = records.find(({ complete }) => complete === "gap");
    expect(gap).toMatchObject({ rows: 0, from: records[0]?.to });
    expect(records[2]?.from).toBe(gap?.to);
    expect(Date.parse(gap?.to ?? "")).toBe(noonMs + 11 * dayMs - 15 * minuteMs);
    expect(room.told).toContainEqual(
      expect.objectContaining({
        event: "hunt.degraded",
        fields: expect.objectContaining({ cause: "older than the service keeps" }) as unknown,
      }),
    );
  });
});

describe("paths", () => {
  test("two runners on either side of midnight meet on one path", async () => {
    const room = huntRoom({ startMs: Date.UTC(2026, 0, 5, 23, 0) });
    await runLater(room, testHunt({ lookBackMs: 8 * hourMs }), 0);
    const slow = { ...room.ports };
    room.source.rows.push(sourceRow(Date.UTC(2026, 0, 5, 23, 30), "x"));
    await room.clock.advance(70 * minuteMs);
    const before = orderNow(room);
    await room.clock.advance(20 * minuteMs);
    const claimless = {
      ...slow,
      records: {
        ...slow.records,
        read: async (path: string) =>
          path.endsWith("claim.json")
            ? { kind: "absent" as const, serverNowMs: 0 }
            : slow.records.read(path),
      },
    };
    await Promise.all([
      carryOut(claimless, former, before),
      carryOut(claimless, former, orderNow(room)),
    ]);
    const seqs = room.exports.all().map(({ metadata }) => metadata.seq);
    expect(new Set(seqs).size).toBe(seqs.length);
    expect(exportedLines(room)).toHaveLength(1);
  });
});
