/** Each operation answers as described, when it succeeds and when it refuses. */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listHttpRoutes } from "../../shared/build/openapi/routes.ts";
import type { Registrations } from "../../shared/contracts/registrations.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import {
  createDescribedCaller,
  findFaults,
  listOperations,
  readDocument,
  type Json,
} from "../support/described-api.ts";
import { readJson, startStack, waitUntil, type Stack } from "../support/stack.ts";
import { validVerdict } from "../support/alert-harness.ts";
import { standardHeaders, standardKey } from "../support/webhook-senders.ts";

const signKey = standardKey();
const registrations = JSON.parse(readFileSync("dist/registrations.json", "utf8")) as Registrations;
const document = readDocument("openapi.json");
const hunt = "office-starts-script-host";
const unknownHash = "1f".repeat(20);

let stack: Stack;
let host: RunningHost;
let api: ReturnType<typeof createDescribedCaller>;
const json = { "content-type": "application/json" };

beforeAll(async () => {
  const sources = { sentinel: { auth: "standard" }, splunk: { auth: "functionKey" } };
  stack = await startStack(
    { secrets: { "webhook-sentinel": signKey } },
    { BULK_LOOKUP_THRESHOLD: "50", WEBHOOKS: JSON.stringify(sources) },
  );
  // All functions but the timers, which would start hunts every quarter of an hour.
  const queueFunctions = ["process_hunt_runs", "process_file_lookups", "process_alert_verdicts"];
  const httpFunctions = listHttpRoutes(registrations).map(({ name }) => name);
  host = await stack.startHost({
    enableAuth: true,
    functions: [...new Set([...httpFunctions, ...queueFunctions])],
  });
  api = createDescribedCaller(document, host.url);
});
afterAll(() => stack.stop());

const keyHeaders = () => ({ "x-functions-key": host.key ?? "" });
const sendGet = (
  address: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> => api.call(address, { headers: { ...keyHeaders(), ...headers } });
const sendPost = (
  address: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> =>
  api.call(address, {
    method: "POST",
    headers: { ...json, ...keyHeaders(), ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const locationOf = (reply: Response): string => reply.headers.get("location") ?? "";
const waitUntilEnded = (
  location: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> =>
  waitUntil(
    async () => {
      await pause(300);
      return api.call(location, { headers });
    },
    ({ status }) => status === 200,
  );
const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
const knownHash = (index: number): string => stack.simulator.dataset.files[index]?.sha1 ?? "";

describe("every operation with a function key", () => {
  const keyedOperations = listOperations(document).filter(
    ({ operation }) => operation.security.length > 0,
  );

  test.each(
    keyedOperations.map(
      ({ operation, method, path }) => [operation.operationId, method, path] as const,
    ),
  )("of %s answers 401 without it, as described", async (_, method, path) => {
    const address = path.slice(1).replaceAll(/\{\w+\}/g, "x");
    const init = method === "post" ? { headers: json, body: "{}" } : {};
    expect((await api.call(address, { method: method.toUpperCase(), ...init })).status).toBe(401);
  });
});

describe("the hunt operations", () => {
  test("answer a run, its job and its exports as described, and each row as its own schema says", async () => {
    expect((await sendGet("hunts")).status).toBe(200);
    expect((await sendGet(`hunts/${hunt}`)).status).toBe(200);
    expect((await sendGet(`hunts/${hunt}/exports?after=latest`)).status).toBe(202);
    const started = await sendPost(`hunts/${hunt}/runs`, {}, { "idempotency-key": "run-1" });
    expect(started.status).toBe(202);
    expect(await readJson<Json>(await waitUntilEnded(locationOf(started)))).toMatchObject({
      status: "succeeded",
      result: { hunt },
    });
    const { schema } = await readJson<{ schema: Json }>(await sendGet(`hunts/${hunt}/schema`));
    const news = await sendGet(`hunts/${hunt}/exports?after=-1`);
    expect(news.status).toBe(200);
    const { value: exports } = await readJson<{ value: { seq: number }[] }>(news);
    const rows = await readJson<{ value: unknown[] }>(
      await sendGet(`hunts/${hunt}/exports/${exports[0]?.seq}/rows?top=50`),
    );
    expect(rows.value.length).toBeGreaterThan(0);
    expect(findFaults(rows, toNullable(schema) as Json, document)).toBeUndefined();
  });

  test("a poll that follows Location returns each export once", async () => {
    const first = await sendGet(`hunts/${hunt}/exports?after=-1&top=100`);
    const next = await sendGet(locationOf(first));
    expect(next.status).toBe(202);
    expect(new URL(locationOf(next)).searchParams.get("after")).toMatch(/^v1\.\d+$/);
    expect(Number(next.headers.get("retry-after"))).toBeGreaterThanOrEqual(60);
    expect((await sendGet(`hunts/${hunt}/exports?after=latest`)).status).toBe(202);
  });

  test("start what is overdue", async () => {
    expect((await sendPost("hunts/tick", {})).status).toBe(200);
  });

  test.each([
    ["hunts/no-such-hunt", 404],
    ["hunts/no-such-hunt/schema", 404],
    [`hunts/${hunt}/exports?after=x`, 400],
    [`hunts/${hunt}/exports/0/rows?top=0`, 400],
    [`hunts/${hunt}/exports/999999/rows`, 404],
  ])("refuse %s with %i", async (address, status) => {
    expect((await sendGet(address)).status).toBe(status);
  });

  test.each([
    ["an unknown key", { form: "x" }, {}, 400],
    [
      "a span that ends before it begins",
      { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" },
      {},
      422,
    ],
    [
      "another run under a used key",
      { from: hoursAgo(3), to: hoursAgo(2) },
      { "idempotency-key": "run-1" },
      409,
    ],
  ])("refuse a run with %s", async (_, body, headers, status) => {
    expect((await sendPost(`hunts/${hunt}/runs`, body, headers)).status).toBe(status);
  });
});

describe("the file and job operations", () => {
  test("answer a list, a payload, one hash and CSV as described", async () => {
    expect(
      (await sendPost("files/stats", { sha1: [knownHash(0), unknownHash, "none"] })).status,
    ).toBe(200);
    const payload = {
      DeviceId: "0123456789abcdef0123456789abcdef01234567",
      evidence: [{ SHA1: knownHash(0) }],
    };
    expect(
      (await sendPost("files/stats?where=true&include=information&globalRareBelow=10", payload))
        .status,
    ).toBe(200);
    expect((await sendGet(`files/${knownHash(0)}/stats`)).status).toBe(200);
    const csv = await sendPost("files/stats", { sha1: [knownHash(0)] }, { accept: "text/csv" });
    expect(csv.headers.get("content-type")).toContain("text/csv");
  });

  test("answer what takes long with a job that needs no key but its own", async () => {
    const reply = await sendPost("files/stats", {
      sha1: stack.simulator.dataset.files.slice(2, 102).map(({ sha1 }) => sha1),
    });
    expect(reply.status).toBe(202);
    const location = locationOf(reply);
    await api.call(`${location}&partial=true`);
    await waitUntilEnded(location);
    expect((await api.call(location, { method: "DELETE" })).status).toBe(200);
    expect((await api.call(location.replace(/key=.*/, "key=1.forged"))).status).toBe(401);
  });

  test("they refuse as described", async () => {
    expect((await sendGet("files/nonsense/stats")).status).toBe(400);
    expect((await sendGet(`files/${knownHash(0)}/stats?lookBackHours=0`)).status).toBe(400);
    expect((await sendPost("files/stats", "{")).status).toBe(400);
    expect((await sendPost("files/stats", "x".repeat(1_048_577))).status).toBe(413);
    expect((await sendPost("files/stats", "x", { "content-type": "image/png" })).status).toBe(415);
    const body = new Blob(["{}"]).stream();
    const chunked = {
      method: "POST",
      headers: { ...json, ...keyHeaders() },
      body,
      duplex: "half",
    } as const;
    expect((await api.call("files/stats", chunked)).status).toBe(411);
  });
});

describe("the alert operations", () => {
  const undo = { requestedBy: "lead@contoso.com" };
  const listAlertIds = (): string[] =>
    stack.simulator.cloudApps.alerts.list().map(({ _id }) => _id);

  test("verdicts are planned, accepted, shown until each alert has an outcome, and undone, as described", async () => {
    const verdict = { ...validVerdict, alertIds: listAlertIds().slice(0, 2) };
    expect((await sendPost("alerts/verdicts", { ...verdict, dryRun: true })).status).toBe(200);
    const reply = await sendPost("alerts/verdicts", verdict);
    expect(reply.status).toBe(202);
    const settled = await waitUntilEnded(locationOf(reply), keyHeaders());
    expect(await readJson<Json>(settled)).toMatchObject({ status: "succeeded" });
    expect(
      (await sendPost("alerts/verdicts", { ...verdict, action: "resolve", reason: undefined }))
        .status,
    ).toBe(409);
    expect((await sendPost(`alerts/verdicts/${verdict.id}/undo`, undo)).status).toBe(200);
    expect((await sendGet(`alerts/verdicts/${verdict.id}`)).status).toBe(200);
    expect((await sendGet("alerts/verdicts")).status).toBe(200);
    expect((await sendGet(`alerts/history/${verdict.alertIds[0]}`)).status).toBe(200);
  });

  test("they refuse as described", async () => {
    expect((await sendPost(`alerts/verdicts/${validVerdict.id}/undo`, {})).status).toBe(400);
    expect((await sendPost("alerts/verdicts", { ...validVerdict, verdcit: "x" })).status).toBe(400);
    expect((await sendGet("alerts/verdicts/no-such")).status).toBe(404);
    expect((await sendPost("alerts/verdicts/no-such/undo", undo)).status).toBe(404);
  });
});

describe("the webhook operations", () => {
  const createIncident = (properties: object): string => JSON.stringify({ object: { properties } });

  test("answer a signed payload and show its receipt as described", async () => {
    const body = createIncident({ title: "Malware", status: "New", note: `sha1 ${knownHash(0)}` });
    const signed = { method: "POST", headers: standardHeaders(signKey, body), body };
    const accepted = await api.call("webhooks/sentinel", signed);
    expect(accepted.status).toBe(202);
    await waitUntilEnded(locationOf(accepted));
    expect((await api.call(locationOf(accepted).replace(/key=.*/, "key=1.forged"))).status).toBe(
      401,
    );
    const nothing = createIncident({ title: "Quiet", status: "New" });
    const quiet = { method: "POST", headers: standardHeaders(signKey, nothing), body: nothing };
    expect((await api.call("webhooks/sentinel", quiet)).status).toBe(200);
  });

  test("they refuse as described", async () => {
    const broken = JSON.stringify({ object: {} });
    const signed = { method: "POST", headers: standardHeaders(signKey, broken), body: broken };
    expect((await api.call("webhooks/sentinel", signed)).status).toBe(400);
    expect(
      (await api.call("webhooks/sentinel", { method: "POST", headers: json, body: "{}" })).status,
    ).toBe(401);
    expect(
      (await api.call("webhooks/nobody", { method: "POST", headers: json, body: "{}" })).status,
    ).toBe(401);
  });

  test("answer a source with a function key as described", async () => {
    const payload = {
      sid: "1",
      search_name: "s",
      results_link: "https://s.example",
      result: { sha1: knownHash(0) },
    };
    expect((await sendPost("webhooks/splunk/keyed", payload)).status).toBe(202);
  });
});

describe("the health operations", () => {
  test("answer health, its report and the descriptions as described", async () => {
    expect((await api.call("health")).status).toBe(200);
    expect((await sendGet("health/report")).status).toBe(200);
    expect((await sendGet("quotas")).status).toBe(200);
    expect((await sendGet(`hunts/${hunt}/trend`)).status).toBe(200);
    expect((await sendGet("attack-layer")).status).toBe(200);
    expect((await sendGet("webhooks/deliveries")).status).toBe(200);
    const { origin, host: address } = new URL(host.url);
    expect(await readJson<Json>(await sendGet("openapi.json"))).toMatchObject({
      servers: [{ url: `${origin}/api` }],
    });
    expect(await readJson<Json>(await sendGet("swagger.json"))).toMatchObject({
      host: address,
      schemes: ["http"],
    });
  });

  test("show and replay dead letters as described", async () => {
    await host.fire("process_alert_verdicts", JSON.stringify({ version: 1, alertIds: [] }));
    const shown = await waitUntil(
      async () =>
        readJson<{ value: { queue: string; id: string }[] }>(
          await sendGet("dead-letters?queue=alert-verdicts"),
        ),
      ({ value }) => value.length > 0,
    );
    const deadLetters = shown.value.map(({ queue, id }) => ({ queue, id }));
    expect((await sendPost("dead-letters/replay", { deadLetters })).status).toBe(200);
    expect((await sendPost("dead-letters/replay", { deadLetters: [] })).status).toBe(400);
    expect((await sendGet("dead-letters?queue=nobody")).status).toBe(400);
  });
});

test("every operation has served once, and as described", () => {
  const served = new Set(
    [...api.seen].filter((each) => / 2\d\d$/.test(each)).map((each) => each.split(" ")[0]),
  );
  const idle = listOperations(document).filter(
    ({ operation: { operationId } }) => !served.has(operationId),
  );
  // Health is whatever the state of this small world makes it.
  expect(
    idle.map(({ operation }) => operation.operationId).filter((id) => !id.startsWith("GetHealth")),
  ).toEqual([]);
});

/** `x-nullable` is Swagger's word for what JSON Schema says with a second type. */
function toNullable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toNullable);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, toNullable(value)]),
  );
  return inner["x-nullable"] === true && inner["type"] !== undefined
    ? { ...inner, type: [inner["type"], "null"] }
    : inner;
}
