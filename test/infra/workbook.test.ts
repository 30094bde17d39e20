/** Evaluates each query of the workbook over lines that the app's log writes. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { evaluate } from "../../shared/kql/evaluate/evaluate.ts";
import { parseQuery } from "../../shared/kql/language/parser.ts";
import { log, withInvocation, type EventName } from "../../shared/runtime/log.ts";
import { ticksFromMs } from "../../shared/runtime/time.ts";

const nowMs = Date.UTC(2026, 10, 24, 12);

const { items } = JSON.parse(readFileSync("infra/modules/workbook.json", "utf8")) as {
  items: readonly { name: string; content: { query?: string } }[];
};
const queries = items.flatMap(({ name, content }) =>
  content.query === undefined ? [] : [[name, content.query] as const],
);

/** Writes an event by the app's log, as a row of AppTraces one hour old. */
function writeTrace(event: EventName, fields: Readonly<Record<string, string | number>>): string {
  let message = "";
  withInvocation({ correlationId: "c", write: (_, line) => (message = line) }, () =>
    log(event, fields as never),
  );
  return `datetime(2026-11-24T11:00:00Z), ${JSON.stringify(message)}`;
}

const traces = [
  writeTrace("hunt.run", { hunt: "a-hunt", outcome: "failing", windows: 0, rows: 0, calls: 1 }),
  writeTrace("hunt.run", { hunt: "a-hunt", outcome: "done", windows: 1, rows: 7, calls: 2 }),
  writeTrace("hunt.committed", { hunt: "a-hunt", rows: 7, seq: 1 }),
  writeTrace("hunt.degraded", { hunt: "a-hunt", window: "w", cause: "instant" }),
  writeTrace("verdict.outcome", { verdict: "v", closed: 2, failed: 1 }),
  writeTrace("files.lookup", { hashes: 5, found: 4, cached: 3 }),
  writeTrace("upstream.refused", { api: "files", status: 403, code: "Forbidden" }),
  writeTrace("webhook.refused", { source: "splunk", status: 401 }),
  writeTrace("deadletter.written", { queue: "hunt-runs", cause: "json" }),
  writeTrace("audit.gap", { seq: 4, cause: "no outcome" }),
];
const tables = [
  `let AppTraces = datatable(TimeGenerated: datetime, Message: string) [${traces.join(", ")}];`,
  "let AppRequests = datatable(TimeGenerated: datetime, OperationName: string, ResultCode: string," +
    ' Success: bool, DurationMs: real) [datetime(2026-11-24T11:00:00Z), "run_hunt", "500", true, 12.0];',
].join("\n");

/** Values of the first row that each panel must show. */
const expectedValues: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  hunts: { Hunt: "a-hunt", Runs: 2n, Windows: 1n, Rows: 7n, Calls: 3n },
  rows: { Hunt: "a-hunt", Rows: 7n },
  trouble: { Event: "hunt.degraded", Hunt: "a-hunt", Window: "w", Cause: "instant" },
  verdicts: { Closed: 2n, Failed: 1n },
  files: { Hashes: 5n, Found: 4n, FromCache: 3n },
  services: { Event: "upstream.refused", Api: "files", Status: "403", Occurrences: 1n },
  "rows-by-day": { Hunt: "a-hunt", Rows: 7n },
  "since-success": { Hunt: "a-hunt", HoursAgo: 1 },
  webhooks: { Source: "splunk", Refused: 1n },
  "dead-letters": { Queue: "hunt-runs", Cause: "json", Messages: 1n },
  "audit-gaps": { Seq: 4n, Cause: "no outcome" },
  requests: { Function: "run_hunt", Calls: 1n, ServerErrors: 1n },
};

beforeAll(() => void parseQuery("print 1"), 60_000);

test("every panel of the workbook has expected values in this test", () => {
  expect(queries.map(([name]) => name).toSorted()).toEqual(Object.keys(expectedValues).toSorted());
});

test.each(queries)("the panel %s shows the values that were logged", (name, query) => {
  const result = evaluate(`${tables}\n${query}`, { tables: new Map(), now: ticksFromMs(nowMs) });
  if ("refusedBy" in result) throw new Error(result.message);
  const [first] = [...result.rows];
  const shown = Object.fromEntries(
    result.columns.map((column, index) => [
      column.name,
      typeof first?.[index] === "number" && column.type !== "real"
        ? BigInt(first[index])
        : first?.[index],
    ]),
  );
  expect(shown).toMatchObject(expectedValues[name] ?? {});
});
