import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createActivityResource } from "../../../../shared/clients/cloud-apps/activities.ts";
import {
  joinFilters,
  createRawFilter,
  type Operator,
  type WireFilter,
} from "../../../../shared/clients/cloud-apps/filters.ts";
import { createIpRangeResource } from "../../../../shared/clients/cloud-apps/ip-ranges.ts";
import type { Encoding, Item } from "../../../../shared/clients/cloud-apps/lists.ts";
import {
  createAlertResource,
  createEntityResource,
  createFileResource,
} from "../../../../shared/clients/cloud-apps/resources.ts";
import {
  fieldTables,
  type ListedResource,
} from "../../../../shared/cli/cloud-apps/parse-filter.ts";
import type { Simulator } from "../../../simulator/simulator.ts";
import { matchesFilter } from "./matches-filter.ts";
import { createSamples } from "./samples.ts";
import { collectItems, startSimulatorWithClient } from "./simulator-client.ts";

let simulator: Simulator;
let list: Readonly<
  Record<ListedResource, (filters?: WireFilter, encoding?: Encoding) => Promise<Item[]>>
>;
let all: Readonly<Record<ListedResource, readonly Item[]>>;

const listedNames = Object.keys(fieldTables) as ListedResource[];

beforeAll(async () => {
  const started = await startSimulatorWithClient(20);
  simulator = started.simulator;
  const { alerts, portal } = simulator.cloudApps;
  varyAlerts(alerts);
  portal.activities.reset(60);
  portal.entities.reset(40);
  portal.files.reset(45);
  const { client } = started;
  const toListOptions = (filters?: WireFilter, encoding?: Encoding) => ({
    ...(filters ? { filters } : {}),
    ...(encoding ? { encoding } : {}),
  });
  list = {
    alerts: (...args) => collectItems(createAlertResource(client).list(toListOptions(...args))),
    activities: (...args) =>
      collectItems(createActivityResource(client).list(toListOptions(...args))),
    entities: (...args) => collectItems(createEntityResource(client).list(toListOptions(...args))),
    files: (...args) => collectItems(createFileResource(client).list(toListOptions(...args))),
    "ip-ranges": (...args) =>
      collectItems(createIpRangeResource(client).list(toListOptions(...args))),
  };
  all = {
    alerts: await list.alerts(),
    activities: await list.activities(),
    entities: await list.entities(),
    files: await list.files(),
    "ip-ranges": await list["ip-ranges"](),
  };
});
afterAll(() => simulator.stop());

/**
 * The tenant's alerts are all open and alike in their entities; these differ in what filters look
 * at.
 */
function varyAlerts(alerts: Simulator["cloudApps"]["alerts"]): void {
  const [one, two] = alerts.list();
  if (!one || !two) throw new Error("the tenant drew no alerts");
  alerts.setResolution(one, 3, { request: 0, comment: null, user: null });
  alerts.setResolution(two, 5, { request: 0, comment: null, user: null });
  two.resolveTime = new Date(simulator.clock.now() - 86_400_000).toISOString();
  alerts.add(1, { isSystemAlert: true, entities: [{ type: "file", id: "file-1" }] });
  alerts.add(1, { statusValue: 1, timestamp: simulator.clock.now() - 5 * 86_400_000 });
}

/** Every field of every resource with every operator it takes, from the client's own tables. */
const cases = listedNames.flatMap((resource) =>
  Object.entries<readonly Operator[]>(fieldTables[resource]).flatMap(([field, operators]) =>
    operators.map((operator) => [resource, field, operator] as const),
  ),
);

const parents: Readonly<Record<string, readonly string[]>> = {
  "/Contoso/Finance/Payroll": ["/Contoso/Finance", "/Contoso"],
  "/Contoso/Operations": ["/Contoso"],
};

/** What the filter names: the sample, or a part, a range or a number of days made of it. */
function buildOperand(resource: ListedResource, field: string, operator: Operator): unknown {
  const table: Readonly<Record<string, readonly [unknown, (item: Item) => readonly unknown[]]>> =
    createSamples(simulator.clock.now(), getShownIds())[resource];
  const [rawSample, values] = table[field] ?? [undefined, () => []];
  // A sample of "" or 0 instants is replaced by the value of an item in the middle.
  const middle =
    all[resource].flatMap(values)[Math.floor(all[resource].flatMap(values).length / 2)];
  const sample = rawSample === "" || (rawSample === 0 && field === "created") ? middle : rawSample;
  const word = String(
    typeof sample === "object" && sample !== null ? (sample as { id: string }).id : sample,
  );
  const part = word.slice(2, -2);
  const start = word.slice(0, 5).toUpperCase();
  const days = field === "date" ? 0.2 : 20;
  const operands: Partial<Record<Operator, unknown>> = {
    isset: true,
    isnotset: true,
    contains: part,
    ncontains: part,
    text: part,
    startswith: start,
    startswithsingle: start,
    doesnotstartwith: start,
    endswith: word.slice(-7),
    gte_ndays: days,
    lte_ndays: days,
    range: [{ start: Number(sample) - 7_200_000, end: Number(sample) }],
    descendantof: "/Contoso/Finance",
    ndescendantof: "/Contoso/Finance",
  };
  return operands[operator] ?? sample;
}

const getShownIds = (): Record<ListedResource, string> => ({
  alerts: String(
    (all.alerts[1]?.["entities"] as { type: string; id: string }[] | undefined)?.find(
      ({ type }) => type === "policyRule",
    )?.id,
  ),
  activities: String(all.activities[7]?.["_id"]),
  entities: "",
  files: "",
  "ip-ranges": "",
});

const idsOf = (items: readonly Item[]): string[] => items.map(({ _id }) => String(_id)).sort();

describe("a filter on", () => {
  test.each(cases)(
    "%s %s %s lists the items it describes, and only these",
    async (resource, field, operator) => {
      const table: Readonly<
        Record<string, readonly [unknown, (item: Item) => readonly unknown[]]>
      > = createSamples(simulator.clock.now(), getShownIds())[resource];
      const values = table[field]?.[1] ?? (() => []);
      const operand = buildOperand(resource, field, operator);
      const isMatch = (item: Item): boolean =>
        matchesFilter(
          operator,
          operand,
          values(item),
          simulator.clock.now(),
          (value) => parents[String(value)] ?? [],
        );
      const expectedItems = all[resource].filter(isMatch);
      const items = await list[resource]({ [field]: { [operator]: operand } });
      expect(idsOf(items)).toEqual(idsOf(expectedItems));
      // Neither all nor none, or the case would prove nothing.
      expect(expectedItems.length).toBeGreaterThan(0);
      expect(expectedItems.length).toBeLessThan(all[resource].length);
    },
  );

  test.each(["json", "form", "query"] as const)(
    "two fields with lists of values travels as %s",
    async (encoding) => {
      const filters = {
        severity: { eq: [1, 2] },
        date: { gte: simulator.clock.now() - 5 * 3_600_000 },
      };
      const items = await list.alerts(filters, encoding);
      const expectedItems = all.alerts.filter(
        (alert) =>
          Number(alert["severityValue"]) >= 1 && Number(alert["timestamp"]) >= filters.date.gte,
      );
      expect(idsOf(items)).toEqual(idsOf(expectedItems));
      expect(expectedItems.length).toBeGreaterThan(0);
    },
  );

  test("a single value has the same effect as a list of one", async () => {
    expect(idsOf(await list.alerts({ severity: { eq: 2 } }))).toEqual(
      idsOf(await list.alerts({ severity: { eq: [2] } })),
    );
  });

  test("a condition on an unset field accepts null", async () => {
    const external = await list.entities({ isExternal: { eq: null } });
    expect(idsOf(external)).toEqual(
      idsOf(all.entities.filter(({ isExternal }) => isExternal === null)),
    );
    expect(external.length).toBeGreaterThan(0);
  });

  test("sends a field that no table lists unchanged, and the service refuses it by name", async () => {
    await expect(list.alerts(createRawFilter("risk.score", "gte", 7))).rejects.toMatchObject({
      code: "rejected",
    });
    expect(simulator.listRequests({ route: "alerts.list" }).at(-1)?.body).toMatchObject({
      filters: { "risk.score": { gte: 7 } },
    });
  });
});

test("joined filters keep all conditions and merge those of one field", () => {
  expect(
    joinFilters({ severity: { eq: 2 } }, createRawFilter("date", "gte", 1), { date: { lte: 2 } }),
  ).toEqual({
    severity: { eq: 2 },
    date: { gte: 1, lte: 2 },
  });
});
