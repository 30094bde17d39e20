/**
 * Three tenants with the same hunts, alert ids, hashes and delivery ids, at once in one deployment.
 * Each datum of a tenant contains a marker of its own, so that one in a wrong place is found.
 */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { BlobServiceClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DoctorFinding } from "../../shared/cli/doctor/finding.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import type { SimulatedTenant } from "../simulator/simulator.ts";
import { validVerdict } from "../support/alert-harness.ts";
import { createAppRoot } from "../support/app-root.ts";
import { postJson, readJson, startStack, waitUntil, type Stack } from "../support/stack.ts";
import { bodyHeaders } from "../support/webhook-senders.ts";

const names = ["default", "contoso", "fabrikam"] as const;
type TenantName = (typeof names)[number];

const markerOf = (name: TenantName): string => `marker-of-${name}`;
const deliveryKey = "the key of every source in this test";
const sourceOf = (name: TenantName): string => `soc-${name}`;
const verdict = "the-same-verdict";
const hash = "0991a395da64e1c5fbe8732ed11e6be064081d9f";

const app = createAppRoot({
  "finds-markers.yaml": `name: Finds markers
query: |
  DeviceProcessEvents
  | where FileName startswith "marker-of-"
  | project Timestamp, ReportId, DeviceId, FileName
queryFrequency: 1h
`,
});
const dataset = { eventsPerHour: {}, startMs: Date.now() - 3 * 86_400_000 };

let stack: Stack;
let host: RunningHost;
/** Its caller has a token with the role of one tenant. */
let limitedHost: RunningHost;

const tenantOf = (name: TenantName): SimulatedTenant =>
  name === "default"
    ? stack.simulator
    : (stack.simulator.tenants.get(name) ?? expect.fail(`no tenant ${name}`));

function addData(name: TenantName): void {
  const tenant = tenantOf(name);
  tenant.dataset.addRow("DeviceProcessEvents", {
    Timestamp: new Date(Date.now() - 5 * 3_600_000).toISOString(),
    ReportId: 1n,
    DeviceId: "d".repeat(40),
    FileName: markerOf(name),
  });
  tenant.files.put({ sha1: hash, name: markerOf(name) });
}

beforeAll(async () => {
  const sources = names.map((name) => [
    sourceOf(name),
    { auth: "bodyHmac", reader: "sentinel", ...(name === "default" ? {} : { tenant: name }) },
  ]);
  stack = await startStack(
    {
      dataset,
      tenants: names.slice(1).map((name) => ({ name, dataset })),
      secrets: Object.fromEntries(
        names.map((name) => [`webhook-${sourceOf(name)}`, deliveryKey] as const),
      ),
    },
    { WEBHOOKS: JSON.stringify(Object.fromEntries(sources)) },
  );
  for (const name of names) addData(name);
  const root = app.root;
  host = await stack.startHost({ root });
  const principal = ["--principal", "ada@contoso.example", "--roles", "tenant.contoso"];
  limitedHost = await stack.startHost({ root, arguments: principal });
}, 120_000);
afterAll(async () => {
  await stack.stop();
  app.remove();
});

const toUrl = (path: string, name: TenantName): string =>
  `${host.url}/api/${path}${name === "default" ? "" : `?tenant=${name}`}`;

interface Answer {
  readonly status: string;
  readonly result: {
    readonly rows: number;
    readonly alerts: readonly { readonly outcome: string }[];
    readonly results: readonly { readonly outcome: string }[];
  };
}

/** Follows the pre-signed address of an answer to its end. */
async function followJob(answer: Response): Promise<Answer> {
  const location = answer.headers.get("location") ?? "";
  if (answer.status === 200) return readJson<Answer>(answer);
  expect(answer.status).toBe(202);
  const done = await waitUntil(
    () => fetch(location),
    ({ status }) => status === 200,
  );
  return readJson<Answer>(done);
}

const runHunt = async (name: TenantName): Promise<Answer> =>
  followJob(await postJson(toUrl("hunts/finds-markers/runs", name), {}));

const alertIds = (): string[] =>
  stack.simulator.cloudApps.alerts
    .list()
    .slice(0, 3)
    .map(({ _id }) => _id);

async function closeAlerts(name: TenantName): Promise<Answer> {
  return followJob(
    await postJson(toUrl("alerts/verdicts", name), {
      ...validVerdict,
      id: verdict,
      alertIds: alertIds(),
      comment: markerOf(name),
      requestedBy: `${markerOf(name)}@example.com`,
    }),
  );
}

const lookUpFile = async (name: TenantName): Promise<Answer> =>
  followJob(await fetch(toUrl(`files/${hash}/stats`, name)));

async function sendDelivery(name: TenantName): Promise<Response> {
  const incident = {
    object: {
      properties: {
        title: markerOf(name),
        status: "New",
        relatedEntities: [{ kind: "FileHash", properties: { hashValue: hash } }],
      },
    },
  };
  const body = JSON.stringify(incident);
  return fetch(`${host.url}/api/webhooks/${sourceOf(name)}`, {
    method: "POST",
    headers: bodyHeaders(deliveryKey, body, "the-same-delivery"),
    body,
  });
}

interface StoredText {
  readonly path: string;
  readonly text: string;
}

async function readAllBlobs(): Promise<StoredText[]> {
  const service = BlobServiceClient.fromConnectionString(stack.storage);
  const texts: StoredText[] = [];
  for (const container of ["exports", "state", "audit", "dead-letters"]) {
    const client = service.getContainerClient(container);
    if (!(await client.exists())) continue;
    for await (const { name } of client.listBlobsFlat()) {
      const bytes = await client.getBlobClient(name).downloadToBuffer();
      const isPacked = name.endsWith(".gz");
      const text = (isPacked ? gunzipSync(bytes) : bytes).toString("utf8");
      texts.push({ path: `${container}/${name}`, text });
    }
  }
  return texts;
}

/** Returns the tenant that a path names. */
const ownerOf = (path: string): string | undefined =>
  /^(?:state\/[^/]+|audit|dead-letters|exports)\/(?:hl_tenant=)?([^/]+)\//.exec(path)?.[1];

test("every journey of three tenants at once has the data of its own tenant", async () => {
  const hunts = await Promise.all(names.map(runHunt));
  expect(hunts).toMatchObject(names.map(() => ({ status: "succeeded", result: { rows: 1 } })));
  const verdicts = await Promise.all(names.map(closeAlerts));
  const closed = { outcome: "closed" };
  expect(verdicts).toMatchObject(
    names.map(() => ({ result: { alerts: [closed, closed, closed] } })),
  );
  const lookups = await Promise.all(names.map(lookUpFile));
  for (const [index, name] of names.entries())
    expect(JSON.stringify(lookups[index])).toContain(markerOf(name));
  const deliveries = await Promise.all(names.map(sendDelivery));
  expect(deliveries.map(({ status }) => status)).toEqual([202, 202, 202]);
  await Promise.all(deliveries.map(followJob));
  await postJson(`${host.url}/api/hunts/tick`, {});
}, 120_000);

describe("after the journeys", () => {
  test("each stored text contains the marker of its own tenant alone", async () => {
    const blobs = await readAllBlobs();
    const misplaced = blobs.flatMap(({ path, text }) =>
      names
        .filter((name) => ownerOf(path) !== name && text.includes(markerOf(name)))
        .map((name) => `${path} has the marker of ${name}`),
    );
    expect(misplaced).toEqual([]);
    for (const name of names) {
      const kinds = new Set(
        blobs
          .filter(({ path, text }) => ownerOf(path) === name && text.includes(markerOf(name)))
          .map(({ path }) =>
            path
              .split("/")
              .slice(0, path.startsWith("state/") ? 2 : 1)
              .join("/"),
          ),
      );
      expect([...kinds].toSorted()).toEqual(
        expect.arrayContaining(["exports", "state/files", "state/personal"]),
      );
      expect(blobs.some(({ path }) => path.startsWith(`audit/${name}/`))).toBe(true);
      expect(blobs.some(({ path }) => path.startsWith(`state/quotas/${name}/`))).toBe(true);
    }
  });

  test("every blob belongs to a tenant", async () => {
    const owners = new Set((await readAllBlobs()).map(({ path }) => ownerOf(path)));
    expect(owners).toEqual(new Set(names));
  });

  test("no service saw a token of another tenant", () => {
    const refused = names.flatMap((name) =>
      tenantOf(name)
        .listRequests()
        .filter(({ service, status }) => service !== "vault" && (status === 401 || status === 403))
        .map(({ path }) => `${name}: ${path}`),
    );
    expect(refused).toEqual([]);
    for (const name of names) {
      const apis = new Set(
        tenantOf(name)
          .listRequests()
          .map(({ service }) => service),
      );
      expect([...apis]).toEqual(expect.arrayContaining(["cloud-apps", "defender", "graph"]));
    }
  });

  test("each line of the log names its tenant", () => {
    const lines = `${host.output()}\n${limitedHost.output()}`
      .split("\n")
      .flatMap((line) => /\{"event".*\}/.exec(line)?.[0] ?? [])
      .map((text) => JSON.parse(text) as { event: string; tenant?: string });
    const ofHunts = lines.filter(({ event }) => event === "hunt.committed");
    expect(new Set(ofHunts.map(({ tenant }) => tenant))).toEqual(new Set(names));
    const ofNobody = lines.filter(
      ({ event, tenant }) => tenant === undefined && event !== "secret.rotated",
    );
    expect(ofNobody).toEqual([]);
  });
});

describe("a request", () => {
  const getAnswer = async (url: string, path: string): Promise<[number, string]> => {
    const answer = await fetch(`${url}/api/${path}`);
    return [answer.status, await answer.text()];
  };

  test("for an unknown tenant is 404 and lists the names", async () => {
    const [status, text] = await getAnswer(host.url, "hunts?tenant=nobody");
    expect(status).toBe(404);
    expect(text).toContain("Use one of default, contoso, fabrikam.");
  });

  test.each([
    ["GET", "hunts"],
    ["GET", "hunts/finds-markers"],
    ["GET", "hunts/finds-markers/trend"],
    ["GET", "hunts/finds-markers/schema"],
    ["GET", "hunts/finds-markers/exports"],
    ["GET", "hunts/finds-markers/exports/v1.0/rows"],
    ["POST", "hunts/finds-markers/runs"],
    ["POST", "hunts/tick"],
    ["GET", `files/${hash}/stats`],
    ["POST", "files/stats"],
    ["POST", "alerts/verdicts"],
    ["GET", "alerts/verdicts"],
    ["GET", `alerts/verdicts/${verdict}`],
    ["POST", `alerts/verdicts/${verdict}/undo`],
    ["GET", "alerts/history/603e4f1b2c3d4e5f60718292"],
    ["GET", "webhooks/deliveries"],
    ["GET", "dead-letters"],
    ["POST", "dead-letters/replay"],
    ["GET", "quotas"],
    ["GET", "health/report"],
  ])("with a token of another tenant's role is 404 without names (%s %s)", async (method, path) => {
    for (const tenant of ["fabrikam", "default", "nobody"]) {
      const body = method === "POST" ? JSON.stringify({ sha1: [hash] }) : null;
      const headers = { "content-type": "application/json" };
      const url = `${limitedHost.url}/api/${path}?tenant=${tenant}`;
      const answer = await fetch(url, body === null ? { method } : { method, headers, body });
      expect([answer.status, tenant]).toEqual([404, tenant]);
      const { tenant: named, ...rest } = await readJson<Record<string, unknown>>(answer);
      expect([named, rest["detail"]]).toEqual([tenant, "No tenant has this name."]);
      expect(JSON.stringify(rest)).not.toMatch(/fabrikam|contoso|default/);
    }
  });

  test("with a token of its own tenant's role is answered", async () => {
    const [status, text] = await getAnswer(limitedHost.url, "hunts?tenant=contoso");
    expect([status, text.includes("finds-markers")]).toEqual([200, true]);
  });

  test("with the pre-signed address of another tenant's job is 401", async () => {
    const started = await postJson(toUrl("hunts/finds-markers/runs", "contoso"), {});
    const location = started.headers.get("location") ?? "";
    expect(location).toContain("tenant=contoso");
    expect((await fetch(location)).status).toBeLessThan(300);
    for (const other of ["fabrikam", "default", "nobody"])
      expect((await fetch(location.replace("tenant=contoso", `tenant=${other}`))).status).toBe(401);
  });

  test("to a webhook must not choose the tenant", async () => {
    const url = `${host.url}/api/webhooks/${sourceOf("contoso")}?tenant=fabrikam`;
    const body = "{}";
    const headers = bodyHeaders(deliveryKey, body);
    expect((await fetch(url, { method: "POST", headers, body })).status).toBe(400);
  });
});

test("the health report summarizes every tenant of the caller, and one alone by its name", async () => {
  const all = await readJson<{ tenants: { tenant: string; status: string }[] }>(
    await fetch(`${host.url}/api/health/report`),
  );
  expect(all.tenants.map(({ tenant }) => tenant)).toEqual(names);
  const one = await readJson<object>(await fetch(toUrl("health/report", "contoso")));
  expect(one).not.toHaveProperty("tenants");
});

test("a message of a tenant that does not exist is a dead letter", async () => {
  const message = {
    hunt: "finds-markers",
    reason: "timer",
    scheduledFor: new Date().toISOString(),
  };
  await host.fire("process_hunt_runs", JSON.stringify({ ...message, tenant: "nobody" }));
  const { value } = await waitUntil(
    async () =>
      readJson<{ value: { reason: string }[] }>(await fetch(`${host.url}/api/dead-letters`)),
    (page) => page.value.length > 0,
  );
  expect(value).toMatchObject([{ reason: "unknownTenant" }]);
});

test("a message waits while the setting TENANTS cannot be read, and the default tenant works", async () => {
  const broken = await stack.startHost({ root: app.root, settings: { TENANTS: "{" } });
  const message = { hunt: "finds-markers", reason: "timer", tenant: "contoso" };
  const scheduledFor = new Date().toISOString();
  await broken.fire("process_hunt_runs", JSON.stringify({ ...message, scheduledFor }));
  await waitUntil(
    async () => broken.output(),
    (output) => output.includes('"settings":"TENANTS"'),
  );
  const { value } = await readJson<{ value: { reason: string }[] }>(
    await fetch(`${broken.url}/api/dead-letters`),
  );
  expect(value.filter(({ reason }) => reason !== "unknownTenant")).toEqual([]);
  expect((await fetch(`${broken.url}/api/hunts?tenant=contoso`)).status).toBe(503);
  expect((await fetch(`${broken.url}/api/hunts`)).status).toBe(200);
  await broken.stop();
}, 60_000);

/** Runs the doctor for a tenant. @returns its findings by subject */
function examineTenant(tenant: string): Promise<ReadonlyMap<string, DoctorFinding>> {
  const words = [resolve("shared/cli/doctor.ts"), "--tenant", tenant, "--json"];
  const env = { ...process.env, ...stack.settings };
  return new Promise((done) => {
    execFile(process.execPath, words, { env, cwd: app.root }, (_, stdout) => {
      const findings = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as DoctorFinding);
      done(new Map(findings.map((finding) => [finding.subject, finding])));
    });
  });
}

test("the doctor finds nothing in a tenant, and its consent address where the right is missing", async () => {
  expect([...(await examineTenant("contoso")).values()].map(({ state }) => state)).not.toContain(
    "error",
  );
  const [application] = tenantOf("fabrikam").directory.applications;
  const roles = application?.roles.graph ?? [];
  if (application) application.roles.graph = [];
  const { tenantId } = tenantOf("fabrikam").directory;
  expect((await examineTenant("fabrikam")).get("hunting")).toMatchObject({
    state: "error",
    fix: expect.stringContaining(`/${tenantId}/adminconsent?client_id=`) as string,
  });
  if (application) application.roles.graph = roles;
}, 90_000);

test("a tenant whose consent is withdrawn stops no other", async () => {
  const [application] = tenantOf("contoso").directory.applications;
  if (application) application.roles.graph = [];
  tenantOf("contoso").tokens.revokeAll();
  const [refused, other] = await Promise.all([runHunt("contoso"), runHunt("fabrikam")]);
  expect(refused.status).toBe("failed");
  expect(other.status).toBe("succeeded");
}, 60_000);

test("a deployment with one tenant shows no trace of tenants but the partition", async () => {
  const single = await startStack({ dataset });
  try {
    const { url } = await single.startHost({ root: app.root });
    const run = await followJob(await postJson(`${url}/api/hunts/finds-markers/runs`, {}));
    const paths = ["hunts", "hunts/finds-markers", "health/report", "quotas", "dead-letters"];
    const answers = await Promise.all(
      [...paths, "alerts/verdicts", "webhooks/deliveries", "hunts/nobody"].map(async (path) =>
        (await fetch(`${url}/api/${path}`)).text(),
      ),
    );
    const text = [JSON.stringify(run), ...answers].join("\n");
    expect(text).toContain("finds-markers");
    expect(text.replaceAll("hl_tenant=default", "")).not.toMatch(/tenant/i);
  } finally {
    await single.stop();
  }
}, 60_000);
