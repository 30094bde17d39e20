import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { activityResource } from "../../../../shared/clients/cloud-apps/activities.ts";
import {
  allOf,
  raw,
  type Operator,
  type WireFilter,
} from "../../../../shared/clients/cloud-apps/filters.ts";
import { ipRangeResource } from "../../../../shared/clients/cloud-apps/ip-ranges.ts";
import type { Encoding, Item } from "../../../../shared/clients/cloud-apps/lists.ts";
import {
  alertResource,
  entityResource,
  fileResource,
} from "../../../../shared/clients/cloud-apps/resources.ts";
import { fieldTables, type Listed } from "../../../../shared/cli/cloud-apps/filter-words.ts";
import type { Tenant } from "../../../simulator/simulator.ts";
import { expected } from "./reading.ts";
import { samples } from "./samples.ts";
import { gathered, startTenantWithPipe } from "./simulator-client.ts";

let tenant: Tenant;
let list: Readonly<Record<Listed, (filters?: WireFilter, encoding?: Encoding) => Promise<Item[]>>>;
let all: Readonly<Record<Listed, readonly Item[]>>;

const listedNames = Object.keys(fieldTables) as Listed[];

beforeAll(async () => {
  const started = await startTenantWithPipe(20);
  tenant = started.tenant;
  const { alerts, portal } = tenant.cloudApps;
  varyAlerts(alerts);
  portal.activities.reset(60);
  portal.entities.reset(40);
  portal.files.reset(45);
  const { pipe } = started;
  const asked = (filters?: WireFilter, encoding?: Encoding) => ({
    ...(filters ? { filters } : {}),
    ...(encoding ? { encoding } : {}),
  });
  list = {
    alerts: (...given) => gathered(alertResource(pipe).list(asked(...given))),
    activities: (...given) => gathered(activityResource(pipe).list(asked(...given))),
    entities: (...given) => gathered(entityResource(pipe).list(asked(...given))),
    files: (...given) => gathered(fileResource(pipe).list(asked(...given))),
    "ip-ranges": (...given) => gathered(ipRangeResource(pipe).list(asked(...given))),
  };
  all = {
    alerts: await list.alerts(),
    activities: await list.activities(),
    entities: await list.entities(),
    files: await list.files(),
    "ip-ranges": await list["ip-ranges"](),
  };
});
afterAll(() => tenant.stop());

/** The tenant's alerts are all open and alike in their entities; these differ in what filters look at. */
function varyAlerts(alerts: Tenant["cloudApps"]["alerts"]): void {
  const [one, two] = alerts.all();
  if (!one || !two) throw new Error("the tenant drew no alerts");
  alerts.resolve(one, 3, { request: 0, comment: null, user: null });
  alerts.resolve(two, 5, { request: 0, comment: null, user: null });
  two.resolveTime = new Date(tenant.clock.now() - 86_400_000).toISOString();
  alerts.add(1, { isSystemAlert: true, entities: [{ type: "file", id: "file-1" }] });
  alerts.add(1, { statusValue: 1, timestamp: tenant.clock.now() - 5 * 86_400_000 });
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
function operandOf(resource: Listed, field: string, operator: Operator): unknown {
  const table: Readonly<Record<string, readonly [unknown, (item: Item) => readonly unknown[]]>> =
    samples(tenant.clock.now(), idsShown())[resource];
  const [given, values] = table[field] ?? [undefined, () => []];
  // A sample of "" or 0 instants stands for the value of an item in the middle.
  const middle =
    all[resource].flatMap(values)[Math.floor(all[resource].flatMap(values).length / 2)];
  const sample = given === "" || (given === 0 && field === "created") ? middle : given;
  const word = String(
    typeof sample === "object" && sample !== null ? (sample as { id: string }).id : sample,
  );
  const part = word.slice(2, -2);
  const start = word.slice(0, 5).toUpperCase();
  const days = field === "date" ? 0.2 : 20;
  const made: Partial<Record<Operator, unknown>> = {
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
  return made[operator] ?? sample;
}

const idsShown = (): Record<Listed, string> => ({
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
      > = samples(tenant.clock.now(), idsShown())[resource];
      const values = table[field]?.[1] ?? (() => []);
      const operand = operandOf(resource, field, operator);
      const holds = (item: Item): boolean =>
        expected(
          operator,
          operand,
          values(item),
          tenant.clock.now(),
          (value) => parents[String(value)] ?? [],
        );
      const wanted = all[resource].filter(holds);
      const listed = await list[resource]({ [field]: { [operator]: operand } });
      expect(idsOf(listed)).toEqual(idsOf(wanted));
      // Neither all nor none, or the case would prove nothing.
      expect(wanted.length).toBeGreaterThan(0);
      expect(wanted.length).toBeLessThan(all[resource].length);
    },
  );

  test.each(["json", "form", "query"] as const)(
    "two fields with lists of values travels as %s",
    async (encoding) => {
      const filters = {
        severity: { eq: [1, 2] },
        date: { gte: tenant.clock.now() - 5 * 3_600_000 },
      };
      const listed = await list.alerts(filters, encoding);
      const wanted = all.alerts.filter(
        (alert) =>
          Number(alert["severityValue"]) >= 1 && Number(alert["timestamp"]) >= filters.date.gte,
      );
      expect(idsOf(listed)).toEqual(idsOf(wanted));
      expect(wanted.length).toBeGreaterThan(0);
    },
  );

  test("a single value means the same as a list of one", async () => {
    expect(idsOf(await list.alerts({ severity: { eq: 2 } }))).toEqual(
      idsOf(await list.alerts({ severity: { eq: [2] } })),
    );
  });

  test("what is not set takes null", async () => {
    const external = await list.entities({ isExternal: { eq: null } });
    expect(idsOf(external)).toEqual(
      idsOf(all.entities.filter(({ isExternal }) => isExternal === null)),
    );
    expect(external.length).toBeGreaterThan(0);
  });

  test("a field that no table lists is sent as it is, and refused by name", async () => {
    await expect(list.alerts(raw("risk.score", "gte", 7))).rejects.toMatchObject({
      code: "rejected",
    });
    expect(tenant.requests({ route: "alerts.list" }).at(-1)?.body).toMatchObject({
      filters: { "risk.score": { gte: 7 } },
    });
  });
});

test("joined filters hold all of their conditions, those of one field side by side", () => {
  expect(allOf({ severity: { eq: 2 } }, raw("date", "gte", 1), { date: { lte: 2 } })).toEqual({
    severity: { eq: 2 },
    date: { gte: 1, lte: 2 },
  });
});
