import { describe, expect, test } from "vitest";
import { handleVerdictMessage } from "../../../shared/alerts/handle-verdict-message.ts";
import type { AlertDeps } from "../../../shared/alerts/ports.ts";
import { submitVerdict } from "../../../shared/alerts/submit-verdict.ts";
import { readVerdictStatus } from "../../../shared/alerts/verdict-status.ts";
import { createAuditLog } from "../../../shared/audit/audit-log.ts";
import { createTextWriter } from "../../../shared/audit/personal-texts.ts";
import { verifyAudit } from "../../../shared/audit/verify.ts";
import { UsageError } from "../../../shared/cli/command-line.ts";
import { erasePersonalData } from "../../../shared/cli/erase/erase-personal-data.ts";
import { runErase } from "../../../shared/cli/erase/run.ts";
import { isNamedIn, type ErasureTarget } from "../../../shared/cli/erase/target.ts";
import { createOutput } from "../../../shared/cli/output.ts";
import { createRecordStore } from "../../../shared/clients/records.ts";
import { createStorageClients } from "../../../shared/clients/storage.ts";
import { verdictMessage, verdictRequest } from "../../../shared/contracts/alert-verdict.ts";
import { writeDeadLetter } from "../../../shared/storage/dead-letters.ts";
import { jobPaths } from "../../../shared/storage/jobs.ts";
import type { RecordStore } from "../../../shared/storage/record-store.ts";
import { createTenantRecords } from "../../../shared/storage/tenant-records.ts";
import { alertHarness, auditKey, validVerdict } from "../../support/alert-harness.ts";
import { alertIdOf } from "../../support/alert-service-model.ts";
import { claimFreshAccount } from "../../support/storage-account.ts";

const ada = "ada@contoso.com";
const bob = "bob@contoso.com";
const job = "a".repeat(32);

/** Two verdicts that were carried out, and a dead letter, a job and a receipt that name Ada. */
async function createRecords(replaceStore?: RecordStore) {
  const harness = alertHarness(6);
  const { clock, queues } = harness;
  const store = replaceStore ?? harness.store;
  const appendAudit = createAuditLog({ store, readKey: async () => auditKey });
  const deps: AlertDeps = {
    ...harness.deps,
    store,
    writeAudit: (event) => appendAudit({ ...event }),
    storeTexts: createTextWriter({ store, readKey: async () => auditKey }),
  };
  const submit = (change: object) =>
    submitVerdict(deps, verdictRequest.parse({ ...validVerdict, ...change }), "api", 1_000);
  const runWorkers = (): Promise<void> =>
    clock.run(
      queues.drain("alert-verdicts", 2, async (message) => {
        await handleVerdictMessage(deps, verdictMessage.parse(message));
      }),
    );
  await submit({ id: "of-ada", requestedBy: ada, comment: "private words" });
  await submit({ id: "of-bob", requestedBy: bob, alertIds: [alertIdOf(3)], comment: "other" });
  await submit({
    id: "on-ada",
    requestedBy: bob,
    alertIds: [alertIdOf(4)],
    comment: `saw ${ada}.`,
  });
  await runWorkers();
  const message = { ...validVerdict, id: "poisoned", requestedBy: ada };
  await writeDeadLetter(store, "alert-verdicts", message, { reason: "permanent" });
  await store.create(jobPaths.header(job), { version: 1, id: job });
  await store.create(jobPaths.input(job, "one", 0), { version: 1, requested: [{ user: ada }] });
  const skipped = [{ path: "/by", message: `must be text, not ${ada}` }];
  await store.create("state/receipts/siem/1.json", { version: 1, answer: { skipped } });
  return { ...harness, store, deps, appendAudit, submit, runWorkers };
}

async function findPaths(store: RecordStore, pattern: RegExp): Promise<string[]> {
  const paths: string[] = [];
  for (const prefix of kinds)
    for await (const { path } of store.list(prefix))
      if (pattern.test(JSON.stringify(await store.read(path)))) paths.push(path);
  return paths;
}

/** Every record with its etag. */
async function listVersions(store: RecordStore): Promise<string[]> {
  const versions: string[] = [];
  for (const prefix of kinds)
    for await (const { etag, path } of store.list(prefix)) versions.push(`${path} ${etag}`);
  return versions;
}

const kinds = [
  ...["alerts", "verdicts", "personal", "jobs", "receipts", "outcomes", "waiting"].map(
    (kind) => `state/${kind}/`,
  ),
  "audit/",
  "dead-letters/",
];

/** Runs the command and returns its exit code and what it printed. */
async function run(
  { store, appendAudit }: Pick<Awaited<ReturnType<typeof createRecords>>, "store" | "appendAudit">,
  ...words: string[]
) {
  let text = "";
  const stream = { write: (part: string) => (text += part) };
  const code = await runErase(words, {
    output: createOutput(stream, stream),
    openDeps: async () => ({
      store,
      appendAudit,
      listExportEnds: async function* () {
        yield* ["2026-01-05T00:00:00.0000000Z", "2026-01-06T00:00:00.0000000Z"];
      },
    }),
  });
  return { code, text };
}

const target: ErasureTarget = { kind: "requester", name: ada };

describe("npm run erase", () => {
  test("lists what names a person and changes nothing with --dry-run", async () => {
    const world = await createRecords();
    const before = await listVersions(world.store);
    const { code, text } = await run(world, "--requested-by", ada, "--dry-run");
    expect(code).toBe(0);
    for (const path of await findPaths(world.store, /ada@/))
      if (!path.startsWith("state/personal/")) expect(text).toContain(path);
    expect(text).toContain("erase 2 texts of the audit");
    expect(await listVersions(world.store)).toEqual(before);
  });

  test("erases a person everywhere, keeps outcomes, other people and a valid audit", async () => {
    const world = await createRecords();
    const status = () => readVerdictStatus(world.deps, "of-ada");
    const before = await status();
    const { code, text } = await run(world, "--requested-by", "ADA@contoso.com");
    expect(code).toBe(0);
    expect(text).toContain("Erased.");
    expect(text).toMatch(/Kept: 2 audit records without the texts, the newest until \d{4}-/);
    expect(text).toContain("Kept: 2 exports with rows of hunts");
    expect(await findPaths(world.store, /ada@|private words/i)).toEqual([]);
    expect(await status()).toEqual({ ...before, requestedBy: null });
    expect(await readVerdictStatus(world.deps, "of-bob")).toMatchObject({ requestedBy: bob });
    expect((await findPaths(world.store, /"comment":"other"/)).length).toBe(2);
    const { firstBad, texts } = await verifyAudit(world.store, [auditKey]);
    expect(firstBad).toBe(undefined);
    expect(texts).toEqual({ stored: 1, erased: 2 });
    const again = await run(world, "--requested-by", ada);
    expect(again.text).toContain("No record has such a text.");
  });

  test("erases what verdicts about an alert say about people", async () => {
    const world = await createRecords();
    const { code } = await run(world, "--alert", `CA${alertIdOf(1)}`);
    expect(code).toBe(0);
    expect(await findPaths(world.store, /private words/)).toEqual([]);
    expect(await world.outcomes("of-ada")).toEqual({
      [alertIdOf(1)]: "closed",
      [alertIdOf(2)]: "closed",
    });
    expect(await readVerdictStatus(world.deps, "of-bob")).toMatchObject({ requestedBy: bob });
    expect((await verifyAudit(world.store, [auditKey])).firstBad).toBe(undefined);
  });

  test("leaves a verdict that is being carried out, says so, and erases it afterwards", async () => {
    const world = await createRecords();
    await world.submit({ id: "runs", requestedBy: ada, alertIds: [alertIdOf(5)] });
    const first = await run(world, "--requested-by", ada);
    expect(first.code).toBe(1);
    expect(first.text).toContain("The verdict runs is still being carried out.");
    expect(await findPaths(world.store, /ada@/)).toEqual(["state/verdicts/runs.json"]);
    await world.runWorkers();
    expect(world.service.state.get(alertIdOf(5))).toBe("falsePositive");
    expect((await run(world, "--requested-by", ada)).code).toBe(0);
    expect(await findPaths(world.store, /ada@/)).toEqual([]);
  });

  test("erases a verdict whose message is a dead letter", async () => {
    const world = await createRecords();
    await world.submit({ id: "poisoned", requestedBy: ada, alertIds: [alertIdOf(6)] });
    expect((await run(world, "--requested-by", ada)).code).toBe(0);
    expect(await findPaths(world.store, /ada@/)).toEqual([]);
  });

  test("lists audit records that hold the text itself, with the day until which they exist", async () => {
    const world = await createRecords();
    await world.appendAudit({ kind: "intent", call: "old", requestedBy: [ada], verdicts: ["v"] });
    const { text } = await run(world, "--requested-by", ada, "--audit-days", "10");
    const until = new Date(world.clock.now() + 10 * 86_400_000).toISOString().slice(0, 10);
    expect(text).toContain(
      `Kept: 1 audit record with the text itself, which cannot be changed, the newest until ${until}.`,
    );
  });

  test("finishes after a crash at any write", async () => {
    for (let crashAt = 0; ; crashAt += 1) {
      const { store, appendAudit } = await createRecords();
      let writes = 0;
      const crash = (): void => {
        if ((writes += 1) > crashAt) throw new Error("crashed");
      };
      const failing = {
        store: {
          ...store,
          remove: async (path: string) => (crash(), store.remove(path)),
          replace: async (path: string, value: object, etag: string) => (
            crash(),
            store.replace(path, value, etag)
          ),
        },
        appendAudit: async (body: object) => (crash(), appendAudit({ ...body })),
      };
      const isDone = await erasePersonalData(failing, target).then(
        () => true,
        () => false,
      );
      expect((await verifyAudit(store, [auditKey])).firstBad).toBe(undefined);
      await erasePersonalData({ store, appendAudit }, target);
      expect(await findPaths(store, /ada@|private words/)).toEqual([]);
      expect((await verifyAudit(store, [auditKey])).firstBad).toBe(undefined);
      if (isDone) return expect(crashAt).toBeGreaterThan(8);
    }
  });

  test("erases in the records of a tenant on Azurite", async () => {
    const { blobs } = await createStorageClients({
      kind: "connection-string",
      value: claimFreshAccount(),
    });
    const stored = createTenantRecords(createRecordStore(blobs), "contoso");
    const world = await createRecords(stored);
    expect((await run(world, "--requested-by", ada)).code).toBe(0);
    expect(await findPaths(stored, /ada@|private words/)).toEqual([]);
    expect((await verifyAudit(stored, [auditKey])).texts).toEqual({ stored: 1, erased: 2 });
  });

  test.each([
    [[]],
    [["--requested-by", ada, "--alert", alertIdOf(1)]],
    [["--requested-by", "a"]],
    [["--alert", "incident-1"]],
    [["--requested-by", ada, "--audit-days", "soon"]],
    [["ada"]],
  ])("refuses a command line without one valid target (%s)", async (words) => {
    await expect(run(await createRecords(), ...words)).rejects.toThrow(UsageError);
  });
});

test.each([
  ["Ada", "said Ada.", true],
  ["Ada", "ADA: yes", true],
  ["Ada", "Adam", false],
  ["Ada", "nevada ada", true],
  [ada, `mailto:${ada}`, true],
  [ada, `x${ada}`, false],
])("a name is found as a whole word (%s in %s: %s)", (name, text, expected) => {
  expect(isNamedIn({ kind: "requester", name }, text)).toBe(expected);
});
