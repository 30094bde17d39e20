/**
 * Evaluates each alert rule's own KQL over lines that the app's log writes, in the shape in which
 * Application Insights stores them: it fires for its fault, with the right dimension, and not over
 * a day of healthy traffic.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluate } from "../../shared/kql/evaluate/evaluate.ts";
import { parseQuery } from "../../shared/kql/language/parser.ts";
import { log, withInvocation, type EventName } from "../../shared/runtime/log.ts";
import { dayMs, formatInstant, hourMs, minuteMs, ticksFromMs } from "../../shared/runtime/time.ts";
import { deployTemplate } from "./bicep/deploy.ts";
import { valueAt } from "./rules.ts";

const nowMs = Date.UTC(2026, 10, 24, 12);

interface Trace {
  readonly ageMs: number;
  readonly message: string;
}

interface Request {
  readonly ageMs: number;
  readonly operation: string;
  readonly status: number;
  /** What the platform records: false only when the function itself failed. */
  readonly isSuccess: boolean;
}

/** Writes an event by the app's log and returns its line. */
function writeEvent(
  event: EventName,
  fields: Readonly<Record<string, string | number>>,
  ageMs = minuteMs,
): Trace {
  let message = "";
  withInvocation({ correlationId: "c", write: (_, line) => (message = line) }, () =>
    log(event, fields as never),
  );
  return { ageMs, message };
}

const times = (count: number, create: (index: number) => Trace): readonly Trace[] =>
  Array.from({ length: count }, (_, index) => create(index));

const toDatetime = (ageMs: number): string =>
  `datetime(${formatInstant(ticksFromMs(nowMs - ageMs))})`;
const quote = (text: string): string => JSON.stringify(text);

/** Wraps a query in tables with these rows, limited to the rule's time range. */
function buildQuery(
  query: string,
  windowMs: number,
  traces: readonly Trace[],
  requests: readonly Request[],
): string {
  const traceRows = traces
    .filter(({ ageMs }) => ageMs <= windowMs)
    .map(({ ageMs, message }) => `${toDatetime(ageMs)}, ${quote(message)}`);
  const requestRows = requests
    .filter(({ ageMs }) => ageMs <= windowMs)
    .map(
      ({ ageMs, operation, status, isSuccess }) =>
        `${toDatetime(ageMs)}, ${quote(operation)}, "${status}", ${isSuccess}`,
    );
  return [
    `let AppTraces = datatable(TimeGenerated: datetime, Message: string) [${traceRows.join(", ")}];`,
    "let AppRequests = datatable(TimeGenerated: datetime, OperationName: string, ResultCode: string," +
      ` Success: bool) [${requestRows.join(", ")}];`,
    query,
  ].join("\n");
}

interface AlertRule {
  readonly name: string;
  readonly query: string;
  readonly dimension: string | undefined;
  readonly threshold: number;
  readonly windowMs: number;
}

const windows: Readonly<Record<string, number>> = {
  PT15M: 15 * minuteMs,
  PT30M: 30 * minuteMs,
  PT1H: hourMs,
  P2D: 2 * dayMs,
};

const alertRules = new Map(
  deployTemplate("infra/main.bicep", {
    cloudAppsUrl: "https://contoso.eu.portal.cloudappsecurity.com",
  })
    .resources.filter(({ type }) => type === "Microsoft.Insights/scheduledQueryRules")
    .map(({ name, body }) => {
      const criterion = valueAt(body, "properties.criteria.allOf.0");
      const rule: AlertRule = {
        name: name.replace("alert-huntline-", ""),
        query: String(valueAt(criterion, "query")),
        dimension: valueAt(criterion, "dimensions.0.name") as string | undefined,
        threshold: Number(valueAt(criterion, "threshold")),
        windowMs: windows[String(valueAt(body, "properties.windowSize"))] ?? 0,
      };
      return [rule.name, rule] as const;
    }),
);

/** Returns the dimension values for which the rule fires; "" for a rule without a dimension. */
function listFired(
  name: string,
  traces: readonly Trace[],
  requests: readonly Request[] = [],
): readonly string[] {
  const rule = alertRules.get(name);
  if (!rule) throw new Error(`no rule ${name}`);
  const result = evaluate(buildQuery(rule.query, rule.windowMs, traces, requests), {
    tables: new Map(),
    now: ticksFromMs(nowMs),
  });
  if ("refusedBy" in result) throw new Error(`${name}: ${result.message}`);
  const column = result.columns.findIndex(({ name: each }) => each === rule.dimension);
  const counts = new Map<string, number>();
  for (const row of result.rows) {
    const value = rule.dimension === undefined ? "" : String(row[column]);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > rule.threshold).map(([value]) => value);
}

const hunts = (
  JSON.parse(readFileSync("infra/hunts.json", "utf8")) as readonly {
    name: string;
    overdueAfterMinutes: number;
  }[]
).map(({ name, overdueAfterMinutes }) => ({
  name,
  intervalMs: (overdueAfterMinutes / 3) * minuteMs,
}));
const [firstHunt = { name: "", intervalMs: hourMs }] = hunts;

/** Two days of every hunt on schedule, except the ones left out. */
const runHealthily = (except?: string): readonly Trace[] =>
  hunts
    .filter(({ name }) => name !== except)
    .flatMap(({ name, intervalMs }) =>
      times(Math.ceil((2 * dayMs) / intervalMs), (index) =>
        writeEvent(
          "hunt.run",
          { hunt: name, outcome: "done", rows: 3 },
          minuteMs + index * intervalMs,
        ),
      ),
    );

const healthyTraces: readonly Trace[] = [
  ...runHealthily(),
  ...times(200, (index) =>
    writeEvent("files.lookup", { hashes: 3, found: 2 }, index * 7 * minuteMs),
  ),
  ...times(20, (index) =>
    writeEvent("verdict.outcome", { verdict: "v", closed: 1 }, index * hourMs),
  ),
  ...times(3, (index) =>
    writeEvent("quota.paused", { api: "hunting", cause: "refused" }, index * 4 * minuteMs),
  ),
  // Several anchors of one record, and higher ones afterwards.
  ...times(100, (index) => {
    const seq = 400 - Math.floor(index / 5);
    return writeEvent("audit.anchored", { seq, hash: `hash ${seq}` }, index * 15 * minuteMs);
  }),
  writeEvent("upstream.refused", { api: "hunting", status: 400 }),
  writeEvent("webhook.refused", { source: "sentinel", status: 401 }),
  writeEvent("hunt.late", { hunt: firstHunt.name, exported: 3, counted: 4 }),
];
const healthyRequests: readonly Request[] = Array.from({ length: 300 }, (_, index) => ({
  ageMs: index * minuteMs,
  operation: "enrich_files",
  status: index % 50 === 0 ? 400 : 200,
  isSuccess: true,
}));

beforeAll(() => void parseQuery("print 1"), 60_000);

interface Fault {
  readonly rule: string;
  readonly traces?: readonly Trace[];
  readonly requests?: readonly Request[];
  /** Dimension values that the alert names. */
  readonly fires: readonly string[];
}

const faults: readonly Fault[] = [
  {
    rule: "poison",
    traces: [writeEvent("deadletter.written", { queue: "hunt-runs", cause: "json" })],
    fires: ["hunt-runs"],
  },
  {
    rule: "hunt-degraded",
    traces: [
      writeEvent("hunt.degraded", { hunt: "a", cause: "instant" }),
      writeEvent("hunt.degraded", { hunt: "b", cause: "instant" }),
    ],
    fires: ["a", "b"],
  },
  {
    rule: "upstream-refused",
    traces: times(3, () => writeEvent("upstream.refused", { api: "files", status: 403 })),
    fires: ["files"],
  },
  {
    rule: "throttled",
    traces: times(11, () => writeEvent("quota.paused", { api: "hunting", cause: "refused" })),
    fires: ["hunting"],
  },
  {
    rule: "breaker-opened",
    traces: [writeEvent("breaker.opened", { api: "cloud-apps", failures: 6 })],
    fires: ["cloud-apps"],
  },
  {
    rule: "audit-gap",
    traces: [writeEvent("audit.gap", { seq: 4, cause: "no outcome" })],
    fires: ["no outcome"],
  },
  {
    rule: "audit-lowered",
    traces: [
      writeEvent("audit.anchored", { seq: 40, hash: "a" }, 40 * minuteMs),
      writeEvent("audit.anchored", { seq: 38, hash: "b" }, 10 * minuteMs),
    ],
    fires: [""],
  },
  {
    rule: "setting-invalid",
    traces: [writeEvent("setting.invalid", { settings: "CLOUD" })],
    fires: ["CLOUD"],
  },
  {
    rule: "webhooks-refused",
    traces: times(21, () => writeEvent("webhook.refused", { source: "splunk", status: 401 })),
    fires: ["splunk"],
  },
  {
    rule: "failures",
    requests: [
      { ageMs: minuteMs, operation: "close_alerts", status: 500, isSuccess: true },
      { ageMs: minuteMs, operation: "process_hunt_runs", status: 0, isSuccess: false },
    ],
    fires: ["close_alerts", "process_hunt_runs"],
  },
  {
    rule: "unauthorized-burst",
    requests: Array.from({ length: 51 }, () => ({
      ageMs: minuteMs,
      operation: "run_hunt",
      status: 401,
      isSuccess: true,
    })),
    fires: [""],
  },
  {
    rule: "hunt-overdue",
    traces: [
      ...runHealthily(firstHunt.name),
      // It runs on schedule and fails each time.
      ...times(40, (index) =>
        writeEvent(
          "hunt.run",
          { hunt: firstHunt.name, outcome: "failing" },
          minuteMs + index * hourMs,
        ),
      ),
    ],
    fires: [firstHunt.name],
  },
];

describe("each alert rule", () => {
  test("is covered by a fault of this test", () => {
    expect(faults.map(({ rule }) => rule).toSorted()).toEqual([...alertRules.keys()].toSorted());
  });

  test.each(faults)(
    "$rule fires for its fault and names it",
    ({ rule, traces = [], requests = [], fires }) => {
      expect(listFired(rule, [...traces], requests)).toEqual(fires);
    },
  );

  test.each([...alertRules.keys()])("%s does not fire over two days of healthy traffic", (name) => {
    expect(listFired(name, healthyTraces, healthyRequests)).toEqual([]);
  });
});

test("the rule audit-lowered fires for a rewritten record of the same number", () => {
  const anchors = ["a", "b"].map((hash, index) =>
    writeEvent("audit.anchored", { seq: 40, hash }, (3 - index) * hourMs),
  );
  expect(listFired("audit-lowered", anchors)).toEqual([""]);
});

describe("the rule hunt-overdue", () => {
  test("fires for a hunt that stopped running after its last success", () => {
    const stopped = times(3, (index) =>
      writeEvent(
        "hunt.run",
        { hunt: firstHunt.name, outcome: "done" },
        30 * hourMs + index * hourMs,
      ),
    );
    const fired = listFired("hunt-overdue", [...runHealthily(firstHunt.name), ...stopped]);
    expect(fired).toEqual(firstHunt.intervalMs > 10 * hourMs ? [] : [firstHunt.name]);
  });

  test("does not fire in the first minutes after a deployment", () => {
    expect(listFired("hunt-overdue", [{ ageMs: 10 * minuteMs, message: "Host started" }])).toEqual(
      [],
    );
  });
});

describe("telemetry", () => {
  test("is not sampled for the traces and requests that alerts count", () => {
    const { logging } = JSON.parse(readFileSync("host.json", "utf8")) as {
      logging: { applicationInsights: { samplingSettings: { excludedTypes: string } } };
    };
    expect(logging.applicationInsights.samplingSettings.excludedTypes.split(";")).toEqual(
      expect.arrayContaining(["Trace", "Request", "Exception"]),
    );
  });

  test("is ingested once: no diagnostic setting repeats the app's own traces", () => {
    const categories = deployTemplate("infra/main.bicep", {
      cloudAppsUrl: "https://contoso.eu.portal.cloudappsecurity.com",
    })
      .resources.filter(({ type }) => type === "Microsoft.Insights/diagnosticSettings")
      .flatMap(({ body }) => JSON.stringify(valueAt(body, "properties.logs")));
    expect(categories.filter((text) => text.includes("FunctionAppLogs"))).toEqual([]);
  });
});
