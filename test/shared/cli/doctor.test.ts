/** The doctor as a person runs it, against a tenant that ails in a different way each time. */
import { execFile } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMessageQueues } from "../../../shared/clients/queues.ts";
import { createRecordStore } from "../../../shared/clients/records.ts";
import { createStorageClients } from "../../../shared/clients/storage.ts";
import { examineApp as examination } from "../../../shared/cli/doctor/examine.ts";
import type { DoctorFinding } from "../../../shared/cli/doctor/finding.ts";
import { findEntraFix } from "../../../shared/cli/doctor/remediation.ts";
import { readSettings } from "../../../shared/runtime/settings.ts";
import { dayMs, systemClock } from "../../../shared/runtime/time.ts";
import { claimFreshAccount } from "../../support/storage-account.ts";
import {
  blobPortOf,
  withBlobPort,
  startFlakyProxy,
  type FlakyProxy,
} from "../../support/flaky-proxy.ts";
import { startStack, type Stack } from "../../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

interface Report {
  readonly code: number;
  readonly findings: readonly DoctorFinding[];
  readonly text: string;
}

/** Runs `npm run doctor` with other settings on top; an empty one takes a setting away. */
const runDoctor = (
  more: Readonly<Record<string, string>> = {},
  ...args: readonly string[]
): Promise<Report> =>
  new Promise((resolve) => {
    // An account of its own: the calls of other visits are not counted against this one.
    const account = claimFreshAccount();
    const storage = { DataStorage: account, AzureWebJobsStorage: account };
    const env = { PATH: process.env["PATH"], ...stack.settings, ...storage, ...more };
    execFile(
      process.execPath,
      ["shared/cli/doctor.ts", ...args],
      { env, timeout: 60_000 },
      (error, stdout) => {
        const lines = args.includes("--json") ? stdout.trim().split("\n") : [];
        const findings = lines.map((line) => JSON.parse(line) as DoctorFinding);
        resolve({ code: error ? Number(error.code) : 0, findings, text: stdout });
      },
    );
  });

describe("a tenant in health", () => {
  test("has nothing wrong, in words and by exit code", async () => {
    const { code, text } = await runDoctor();
    expect(text).toMatch(/well +settings/);
    expect(text).toMatch(/well +hunting: a table shadowed by let/);
    expect(text).toMatch(/Nothing is wrong\.\n$/);
    expect(code).toBe(0);
  });
});

describe("settings", () => {
  test("that are wrong are named all at once, and end the examination", async () => {
    const { code, findings } = await runDoctor({ TENANT_ID: "", CLOUD: "moon" }, "--json");
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ subject: "settings", state: "ill" });
    expect(findings[0]?.message).toMatch(/TENANT_ID.*CLOUD/);
    expect(findings[0]?.fix).toContain("local.settings.json");
    expect(code).toBe(1);
  });
});

type Fault = Parameters<Stack["simulator"]["faults"]["add"]>[0];
const always = { count: null } as const;
const createEntraFault = (code: string): Fault => ({
  ...always,
  kind: "answer",
  api: "entra",
  match: "oauth2",
  status: 400,
  body: { error: "invalid_client", error_description: `${code}: as it may be. Trace ID: 0` },
});

interface DoctorCase {
  readonly name: string;
  readonly faults?: readonly Fault[];
  /** Where the doctor says so, what it says, and how it is mended. */
  readonly subject: string;
  readonly message: RegExp;
  readonly fix: RegExp;
}

/** Ailments that do not hide one another are looked at in one examination. */
interface DoctorRun {
  readonly settings?: Readonly<Record<string, string>>;
  readonly before?: () => void;
  readonly cases: readonly DoctorCase[];
}

/** The application of the tenant's directory. */
const appSecret = {
  APP_CLIENT_ID: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7031",
  APP_CREDENTIAL: "secret",
};

const runs: readonly DoctorRun[] = [
  {
    cases: [
      {
        name: "a clock ten minutes ahead",
        faults: [
          {
            kind: "answer",
            api: "vault",
            status: 401,
            headers: { date: new Date(Date.now() - 600_000).toUTCString() },
          },
        ],
        subject: "clock",
        message: /[56]\d\d s ahead/,
        fix: /timedatectl/,
      },
      {
        name: "no right to a secret",
        faults: [{ ...always, kind: "forbidden", api: "vault", match: "audit-key" }],
        subject: "secret audit-key",
        message: /403/,
        fix: /az role assignment create --role "Key Vault Secrets User" --assignee [0-9a-f-]{36}/,
      },
      {
        name: "no shadowed let",
        faults: [
          {
            ...always,
            kind: "bad-query",
            api: "hunting",
            class: "semantic",
            match: "let DeviceInfo",
          },
        ],
        subject: "hunting: a table shadowed by let",
        message: /400/,
        fix: /in place/,
      },
      {
        name: "no hash()",
        faults: [
          { ...always, kind: "bad-query", api: "hunting", class: "function", match: "print Shard" },
        ],
        subject: "hunting: hash()",
        message: /400/,
        fix: /cannot be cut/,
      },
      {
        name: "no FileProfile()",
        faults: [
          { ...always, kind: "bad-query", api: "hunting", class: "function", match: "FileProfile" },
        ],
        subject: "hunting: FileProfile()",
        message: /Unknown function/,
        fix: /hash by hash/,
      },
      {
        name: "no licence for a hunt's table",
        faults: [
          {
            ...always,
            kind: "bad-query",
            api: "hunting",
            class: "table",
            match: "DeviceFileEvents . take 0",
          },
        ],
        subject: "hunting: table DeviceFileEvents",
        message: /400/,
        fix: /enabled: false in shared\/hunts\/catalog\/mass-file-rename\.yaml/,
      },
      {
        name: "no permission for files",
        faults: [{ ...always, kind: "forbidden", api: "files" }],
        subject: "files",
        message: /403/,
        fix: /grant\.sh <HUNT_PRINCIPAL_ID>$/,
      },
      {
        name: "no permission for alerts",
        faults: [{ ...always, kind: "forbidden", api: "cloud-apps" }],
        subject: "cloud-apps",
        message: /403/,
        fix: /--cloud-apps <ACT_PRINCIPAL_ID>/,
      },
    ],
  },
  {
    before: () => stack.simulator.changeBehaviors({ vault: { firewall: true } }),
    cases: [
      {
        name: "a vault behind a wall",
        subject: "secret audit-key",
        message: /ForbiddenByFirewall/,
        fix: /az keyvault network-rule add --name/,
      },
      {
        name: "no permission to hunt",
        faults: [{ ...always, kind: "forbidden", api: "hunting" }],
        subject: "hunting",
        message: /403/,
        fix: /grant\.sh <HUNT_PRINCIPAL_ID>/,
      },
      {
        name: "a file API that is elsewhere",
        faults: [
          { ...always, kind: "answer", api: "files", status: 404, body: "<html>none</html>" },
        ],
        subject: "files",
        message: /404/,
        fix: /DEFENDER_GEO=/,
      },
    ],
  },
  {
    settings: { WEBHOOKS: '{"qradar":{"auth":"bearer","mapping":"qradar"}}' },
    before: () => {
      stack.simulator.changeBehaviors({ vault: { firewall: false } });
      stack.simulator.vault.set("job-key", "<change-me>");
    },
    cases: [
      {
        name: "a webhook's secret that was never made",
        subject: "secret webhook-qradar",
        message: /not in the vault \(404/,
        fix: /make-secrets\.sh \S+ --renew webhook-qradar/,
      },
      {
        name: "a placeholder for a secret",
        subject: "secret job-key",
        message: /placeholder/,
        fix: /make-secrets\.sh \S+ --renew job-key/,
      },
      {
        name: "a token for another audience",
        faults: [{ ...always, kind: "unauthorized", api: "hunting" }],
        subject: "hunting",
        message: /token was refused/,
        fix: /CLOUD=/,
      },
      {
        name: "no licence for files",
        faults: [
          {
            ...always,
            kind: "answer",
            api: "files",
            status: 401,
            body: { error: { code: "Unauthorized", message: "Tenant is not provisioned" } },
          },
        ],
        subject: "files",
        message: /not provisioned/,
        fix: /Assign a licence/,
      },
      {
        name: "a Cloud Apps token that was withdrawn",
        faults: [{ ...always, kind: "unauthorized", api: "cloud-apps" }],
        subject: "cloud-apps",
        message: /token was refused/,
        fix: /make-secrets\.sh \S+ --cloud-apps-token/,
      },
    ],
  },
  {
    before: () => {
      stack.simulator.vault.set("job-key", "k".repeat(40), { expiresAtMs: Date.now() + 5 * dayMs });
    },
    cases: [
      {
        name: "a secret that ends soon",
        subject: "secret job-key",
        message: /ends in 4 days/,
        fix: /make-secrets\.sh \S+ --renew job-key/,
      },
      {
        name: "no licence to hunt",
        faults: [
          {
            ...always,
            kind: "answer",
            api: "hunting",
            status: 401,
            body: { error: { code: "Unauthorized", message: "The account mode is inactive" } },
          },
        ],
        subject: "hunting",
        message: /account mode/,
        fix: /Assign a licence/,
      },
      {
        name: "another address than Cloud Apps",
        faults: [{ ...always, kind: "login-redirect", api: "cloud-apps" }],
        subject: "cloud-apps",
        message: /redirect/,
        fix: /CLOUD_APPS_URL=/,
      },
    ],
  },
  {
    settings: { HUNTING_API: "defender" },
    before: () => stack.simulator.changeBehaviors({ hunting: { retired: 410 } }),
    cases: [
      {
        name: "an API that is retired",
        subject: "hunting",
        message: /410/,
        fix: /HUNTING_API=graph/,
      },
    ],
  },
  {
    before: () => stack.simulator.changeBehaviors({ hunting: { retired: null } }),
    settings: appSecret,
    cases: [
      {
        name: "an app's secret that Entra refuses",
        faults: [createEntraFault("AADSTS7000215")],
        subject: "hunting",
        message: /AADSTS7000215/,
        fix: /az ad app credential reset --id [0-9a-f-]{36} .*--name defender-client-secret/,
      },
    ],
  },
  {
    cases: [
      {
        name: "an identity that is not the app's",
        faults: [
          {
            ...always,
            kind: "answer",
            api: "identity",
            status: 400,
            body: { error: "invalid_request", error_description: "Identity not found" },
          },
        ],
        subject: "hunting",
        message: /identity is not assigned/,
        fix: /az functionapp identity assign/,
      },
    ],
  },
  {
    settings: { DataStorage: "" },
    cases: [
      {
        name: "no data account",
        subject: "storage",
        message: /DataStorage/,
        fix: /Set DataStorage/,
      },
    ],
  },
];

describe.each(runs)("a visit", ({ cases, before, settings = {} }) => {
  let report: Report;
  beforeAll(async () => {
    before?.();
    for (const fault of cases.flatMap(({ faults = [] }) => faults))
      stack.simulator.faults.add(fault);
    report = await runDoctor(settings, "--json");
    stack.simulator.faults.clear();
  });

  test.each(cases)("finds $name, and says what mends it", ({ subject, message, fix }) => {
    const finding = report.findings.find((one) => one.subject === subject);
    expect(finding?.message).toMatch(message);
    expect(finding?.fix).toMatch(fix);
    expect(report.code).toBe(report.findings.some(({ state }) => state === "ill") ? 1 : 0);
  });
});

/** The examination as far as storage, which nothing after it could do without. */
describe("the data account", () => {
  let proxy: FlakyProxy;
  beforeAll(async () => {
    proxy = await startFlakyProxy(blobPortOf(stack.storage));
  });
  afterAll(() => proxy.stop());

  const findStorageFinding = async (blobPort: number): Promise<DoctorFinding | undefined> => {
    const value = withBlobPort(stack.storage, blobPort);
    const { blobs, queues } = await createStorageClients(
      { kind: "connection-string", value },
      { tries: 1 },
    );
    const failIfCalled = (): Promise<never> => Promise.reject(new Error("looked beyond storage"));
    const findings = examination({
      settings: () => readSettings(undefined, { ...stack.settings, DataStorage: value }),
      records: async () => createRecordStore(blobs),
      queues: async () => createMessageQueues(queues),
      vault: failIfCalled,
      hunting: failIfCalled,
      files: failIfCalled,
      cloudApps: failIfCalled,
      hunts: [],
      clock: systemClock,
    });
    for await (const finding of findings) if (finding.subject === "storage") return finding;
    return undefined;
  };

  test("is well", async () => {
    expect(await findStorageFinding(proxy.port)).toMatchObject({ state: "well" });
  });

  test.each([
    [
      "no role on it",
      "forbid",
      /403 AuthorizationPermissionMismatch/,
      /az deployment group create/,
    ],
    ["a network rule before it", "shut-out", /403 AuthorizationFailure/, /network-rule add/],
    ["a wrong key", "bad-key", /403 AuthenticationFailed/, /Check DataStorage/],
    ["no answer in time", "busy", /503 ServerBusy/, /reach/],
  ] as const)("with %s is found ill, and what mends it", async (_, fault, message, fix) => {
    proxy.injectFaults([fault]);
    const finding = await findStorageFinding(proxy.port);
    expect(finding).toMatchObject({ state: "ill" });
    expect(finding?.message).toMatch(message);
    expect(finding?.fix).toMatch(fix);
  });

  test("out of reach is found ill, and what mends it", async () => {
    const finding = await findStorageFinding(1);
    expect(finding).toMatchObject({ state: "ill" });
    expect(finding?.message).toMatch(/ECONNREFUSED/);
    expect(finding?.fix).toMatch(/reach/);
  });
});

test.each([
  ["AADSTS7000222", /defender-client-secret/],
  ["AADSTS700016", /APP_CLIENT_ID=/],
  ["AADSTS90002", /TENANT_ID=/],
  ["AADSTS70011", /CLOUD=/],
  ["AADSTS500011", /not set up in this tenant/],
  ["AADSTS700213", /federated-credential create/],
])("%s of Entra has its command", (code, fix) => {
  const names = { vault: "v", appClientId: "a", responseIdentity: "i" };
  expect(findEntraFix(`Graph: entra: no token was issued (${code})`, names)).toMatch(fix);
});
