/** Runs the doctor as a person does, against a simulated cloud with a different fault each time. */
import { execFile } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMessageQueues } from "../../../shared/clients/queues.ts";
import { createRecordStore } from "../../../shared/clients/records.ts";
import { createStorageClients } from "../../../shared/clients/storage.ts";
import { examineApp } from "../../../shared/cli/doctor/examine.ts";
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

/** Runs `npm run doctor` with changed settings; an empty one removes a setting. */
const runDoctor = (
  more: Readonly<Record<string, string>> = {},
  ...args: readonly string[]
): Promise<Report> =>
  new Promise((resolve) => {
    // Its own account: the calls of other runs do not count in its quotas.
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

describe("npm run doctor", () => {
  test("reports no problems for a healthy cloud, in text and by exit code", async () => {
    const { code, text } = await runDoctor();
    expect(text).toMatch(/ok +settings/);
    expect(text).toMatch(/ok +hunting: a table shadowed by let/);
    expect(text).toMatch(/No problems found\.\n$/);
    expect(code).toBe(0);
  });
});

describe("settings", () => {
  test("names all invalid settings at once and checks nothing else", async () => {
    const { code, findings } = await runDoctor({ TENANT_ID: "", CLOUD: "moon" }, "--json");
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ subject: "settings", state: "error" });
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
  /** The finding's subject, message and fix. */
  readonly subject: string;
  readonly message: RegExp;
  readonly fix: RegExp;
}

/** Faults that do not hide one another share one run. */
interface DoctorRun {
  readonly settings?: Readonly<Record<string, string>>;
  readonly before?: () => void;
  readonly cases: readonly DoctorCase[];
}

/** The application in the simulated directory. */
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
        name: "a back-end without shadowed tables",
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
        name: "a back-end without hash()",
        faults: [
          { ...always, kind: "bad-query", api: "hunting", class: "function", match: "print Shard" },
        ],
        subject: "hunting: hash()",
        message: /400/,
        fix: /cannot be split/,
      },
      {
        name: "a back-end without FileProfile()",
        faults: [
          { ...always, kind: "bad-query", api: "hunting", class: "function", match: "FileProfile" },
        ],
        subject: "hunting: FileProfile()",
        message: /Unknown function/,
        fix: /hash by hash/,
      },
      {
        name: "no license for a hunt's table",
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
        fix: /azure -- roles <HUNTING_PRINCIPAL_ID> \(a new role takes effect within 24 hours/,
      },
      {
        name: "no permission for alerts",
        faults: [{ ...always, kind: "forbidden", api: "cloud-apps" }],
        subject: "cloud-apps",
        message: /403/,
        fix: /--cloud-apps <RESPONSE_PRINCIPAL_ID>/,
      },
    ],
  },
  {
    before: () => stack.simulator.changeBehaviors({ vault: { firewall: true } }),
    cases: [
      {
        name: "a vault behind a firewall",
        subject: "secret audit-key",
        message: /ForbiddenByFirewall/,
        fix: /az keyvault network-rule add --name/,
      },
      {
        name: "no permission to hunt",
        faults: [{ ...always, kind: "forbidden", api: "hunting" }],
        subject: "hunting",
        message: /403/,
        fix: /azure -- roles <HUNTING_PRINCIPAL_ID>/,
      },
      {
        name: "a file API at another address",
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
        name: "a webhook's missing secret",
        subject: "secret webhook-qradar",
        message: /not in the vault \(404/,
        fix: /azure -- secrets \S+ --renew webhook-qradar/,
      },
      {
        name: "a placeholder for a secret",
        subject: "secret job-key",
        message: /placeholder/,
        fix: /azure -- secrets \S+ --renew job-key/,
      },
      {
        name: "a token for another audience",
        faults: [{ ...always, kind: "unauthorized", api: "hunting" }],
        subject: "hunting",
        message: /token was refused/,
        fix: /CLOUD=/,
      },
      {
        name: "no license for files",
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
        fix: /Assign a license/,
      },
      {
        name: "a revoked Cloud Apps token",
        faults: [{ ...always, kind: "unauthorized", api: "cloud-apps" }],
        subject: "cloud-apps",
        message: /token was refused/,
        fix: /azure -- secrets \S+ --cloud-apps-token/,
      },
    ],
  },
  {
    before: () => {
      stack.simulator.vault.set("job-key", "k".repeat(40), { expiresAtMs: Date.now() + 5 * dayMs });
    },
    cases: [
      {
        name: "a secret that expires soon",
        subject: "secret job-key",
        message: /expires in 4 days/,
        fix: /azure -- secrets \S+ --renew job-key/,
      },
      {
        name: "no license to hunt",
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
        fix: /Assign a license/,
      },
      {
        name: "a Cloud Apps address of another service",
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
        name: "a retired API",
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
        name: "an app secret that Entra refuses",
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
        name: "an identity that is not assigned to the app",
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
        name: "a missing data account",
        subject: "storage",
        message: /DataStorage/,
        fix: /Set DataStorage/,
      },
    ],
  },
];

describe.each(runs)("one run of the doctor", ({ cases, before, settings = {} }) => {
  let report: Report;
  beforeAll(async () => {
    before?.();
    for (const fault of cases.flatMap(({ faults = [] }) => faults))
      stack.simulator.faults.add(fault);
    report = await runDoctor(settings, "--json");
    stack.simulator.faults.clear();
  });

  test.each(cases)("finds $name and names the fix", ({ subject, message, fix }) => {
    const finding = report.findings.find((one) => one.subject === subject);
    expect(finding?.message).toMatch(message);
    expect(finding?.fix).toMatch(fix);
    expect(report.code).toBe(report.findings.some(({ state }) => state === "error") ? 1 : 0);
  });
});

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
    const failIfCalled = (): Promise<never> =>
      Promise.reject(new Error("checked more than storage"));
    const findings = examineApp({
      settings: () => readSettings(undefined, { ...stack.settings, DataStorage: value }),
      tenant: { toSecretName: (name) => name, hasOwnClient: false },
      records: async () => createRecordStore(blobs),
      queues: async () => createMessageQueues(queues),
      vault: failIfCalled,
      hunting: failIfCalled,
      files: failIfCalled,
      cloudApps: failIfCalled,
      hunts: [],
      storageEndpoint: value,
      hasManagedIdentity: true,
      clock: systemClock,
    });
    for await (const finding of findings) if (finding.subject === "storage") return finding;
    return undefined;
  };

  test("is reported as ok when blobs and queues answer", async () => {
    expect(await findStorageFinding(proxy.port)).toMatchObject({ state: "ok" });
  });

  test.each([
    ["no role", "forbid", /403 AuthorizationPermissionMismatch/, /az deployment group create/],
    ["a network rule", "shut-out", /403 AuthorizationFailure/, /network-rule add/],
    ["a wrong key", "bad-key", /403 AuthenticationFailed/, /Check DataStorage/],
    ["no answer in time", "busy", /503 ServerBusy/, /Start the local storage/],
  ] as const)("is reported with %s and its fix", async (_, fault, message, fix) => {
    proxy.injectFaults([fault]);
    const finding = await findStorageFinding(proxy.port);
    expect(finding).toMatchObject({ state: "error" });
    expect(finding?.message).toMatch(message);
    expect(finding?.fix).toMatch(fix);
  });

  test("is reported when it cannot be reached, and nothing after it is checked", async () => {
    const finding = await findStorageFinding(1);
    expect(finding).toMatchObject({ state: "error" });
    expect(finding?.message).toMatch(/127\.0\.0\.1 cannot be used \(.*ECONNREFUSED/);
    expect(finding?.fix).toMatch(/npx azurite/);
  });
});

test.each([
  ["AADSTS7000222", /defender-client-secret/],
  ["AADSTS700016", /APP_CLIENT_ID=/],
  ["AADSTS90002", /TENANT_ID=/],
  ["AADSTS70011", /CLOUD=/],
  ["AADSTS500011", /not set up in this tenant/],
  ["AADSTS700213", /federated-credential create/],
])("maps the code %s of Entra to its command", (code, fix) => {
  const names = {
    vault: "v",
    vaultHost: "v.vault.azure.net",
    huntingHost: "graph.microsoft.com",
    filesHost: "api.security.microsoft.com",
    cloudAppsHost: "contoso.eu.portal.cloudappsecurity.com",
    storageHost: "d.blob.core.windows.net",
    appClientId: "a",
    responseIdentity: "i",
    hasManagedIdentity: true,
  };
  expect(findEntraFix(`Graph: entra: no token was issued (${code})`, names)).toMatch(fix);
});
