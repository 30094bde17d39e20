/** The doctor as a person runs it, against a tenant that ails in a different way each time. */
import { execFile } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openQueues } from "../../../shared/clients/queues.ts";
import { openRecords } from "../../../shared/clients/records.ts";
import { openStorage } from "../../../shared/clients/storage.ts";
import { examine as examination } from "../../../shared/cli/doctor/examine.ts";
import type { Finding } from "../../../shared/cli/doctor/finding.ts";
import { entraMend } from "../../../shared/cli/doctor/remediation.ts";
import { readSettings } from "../../../shared/runtime/settings.ts";
import { dayMs, systemClock } from "../../../shared/runtime/time.ts";
import { freshAccount } from "../../support/storage-account.ts";
import {
  blobPortOf,
  byBlobPort,
  startFlakyProxy,
  type FlakyProxy,
} from "../../support/flaky-proxy.ts";
import { live, type Living } from "../../support/stack.ts";

let here: Living;
beforeAll(async () => {
  here = await live();
});
afterAll(() => here.end());

interface Report {
  readonly code: number;
  readonly findings: readonly Finding[];
  readonly text: string;
}

/** Runs `npm run doctor` with other settings on top; an empty one takes a setting away. */
const examine = (
  more: Readonly<Record<string, string>> = {},
  ...words: readonly string[]
): Promise<Report> =>
  new Promise((resolve) => {
    // An account of its own: the calls of other visits are not counted against this one.
    const own = freshAccount();
    const storage = { DataStorage: own, AzureWebJobsStorage: own };
    const env = { PATH: process.env["PATH"], ...here.settings, ...storage, ...more };
    execFile(
      process.execPath,
      ["shared/cli/doctor.ts", ...words],
      { env, timeout: 60_000 },
      (error, stdout) => {
        const lines = words.includes("--json") ? stdout.trim().split("\n") : [];
        const findings = lines.map((line) => JSON.parse(line) as Finding);
        resolve({ code: error ? Number(error.code) : 0, findings, text: stdout });
      },
    );
  });

describe("a tenant in health", () => {
  test("has nothing wrong, in words and by exit code", async () => {
    const { code, text } = await examine();
    expect(text).toMatch(/well +settings/);
    expect(text).toMatch(/well +hunting: a table shadowed by let/);
    expect(text).toMatch(/Nothing is wrong\.\n$/);
    expect(code).toBe(0);
  });
});

describe("settings", () => {
  test("that are wrong are named all at once, and end the examination", async () => {
    const { code, findings } = await examine({ TENANT_ID: "", CLOUD: "moon" }, "--json");
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ about: "settings", state: "ill" });
    expect(findings[0]?.says).toMatch(/TENANT_ID.*CLOUD/);
    expect(findings[0]?.mend).toContain("local.settings.json");
    expect(code).toBe(1);
  });
});

type Fault = Parameters<Living["tenant"]["faults"]["add"]>[0];
const always = { count: null } as const;
const entra = (code: string): Fault => ({
  ...always,
  kind: "answer",
  api: "entra",
  match: "oauth2",
  status: 400,
  body: { error: "invalid_client", error_description: `${code}: as it may be. Trace ID: 0` },
});

interface Ailment {
  readonly name: string;
  readonly faults?: readonly Fault[];
  /** Where the doctor says so, what it says, and how it is mended. */
  readonly about: string;
  readonly says: RegExp;
  readonly mend: RegExp;
}

/** Ailments that do not hide one another are looked at in one examination. */
interface Visit {
  readonly settings?: Readonly<Record<string, string>>;
  readonly before?: () => void;
  readonly ailments: readonly Ailment[];
}

/** The application of the tenant's directory. */
const appSecret = {
  APP_CLIENT_ID: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7031",
  APP_CREDENTIAL: "secret",
};

const visits: readonly Visit[] = [
  {
    ailments: [
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
        about: "clock",
        says: /[56]\d\d s ahead/,
        mend: /timedatectl/,
      },
      {
        name: "no right to a secret",
        faults: [{ ...always, kind: "forbidden", api: "vault", match: "audit-key" }],
        about: "secret audit-key",
        says: /403/,
        mend: /az role assignment create --role "Key Vault Secrets User" --assignee [0-9a-f-]{36}/,
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
        about: "hunting: a table shadowed by let",
        says: /400/,
        mend: /in place/,
      },
      {
        name: "no hash()",
        faults: [
          { ...always, kind: "bad-query", api: "hunting", class: "function", match: "print Shard" },
        ],
        about: "hunting: hash()",
        says: /400/,
        mend: /cannot be cut/,
      },
      {
        name: "no FileProfile()",
        faults: [
          { ...always, kind: "bad-query", api: "hunting", class: "function", match: "FileProfile" },
        ],
        about: "hunting: FileProfile()",
        says: /Unknown function/,
        mend: /hash by hash/,
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
        about: "hunting: table DeviceFileEvents",
        says: /400/,
        mend: /enabled: false in shared\/hunts\/catalog\/mass-file-rename\.yaml/,
      },
      {
        name: "no permission for files",
        faults: [{ ...always, kind: "forbidden", api: "files" }],
        about: "files",
        says: /403/,
        mend: /grant\.sh <HUNT_PRINCIPAL_ID>$/,
      },
      {
        name: "no permission for alerts",
        faults: [{ ...always, kind: "forbidden", api: "cloud-apps" }],
        about: "cloud-apps",
        says: /403/,
        mend: /--cloud-apps <ACT_PRINCIPAL_ID>/,
      },
    ],
  },
  {
    before: () => here.tenant.change({ vault: { firewall: true } }),
    ailments: [
      {
        name: "a vault behind a wall",
        about: "secret audit-key",
        says: /ForbiddenByFirewall/,
        mend: /az keyvault network-rule add --name/,
      },
      {
        name: "no permission to hunt",
        faults: [{ ...always, kind: "forbidden", api: "hunting" }],
        about: "hunting",
        says: /403/,
        mend: /grant\.sh <HUNT_PRINCIPAL_ID>/,
      },
      {
        name: "a file API that is elsewhere",
        faults: [
          { ...always, kind: "answer", api: "files", status: 404, body: "<html>none</html>" },
        ],
        about: "files",
        says: /404/,
        mend: /DEFENDER_GEO=/,
      },
    ],
  },
  {
    settings: { WEBHOOKS: '{"qradar":{"proof":"bearer","mapping":"qradar"}}' },
    before: () => {
      here.tenant.change({ vault: { firewall: false } });
      here.tenant.vault.set("job-key", "<change-me>");
    },
    ailments: [
      {
        name: "a webhook's secret that was never made",
        about: "secret webhook-qradar",
        says: /not in the vault \(404/,
        mend: /make-secrets\.sh \S+ --renew webhook-qradar/,
      },
      {
        name: "a placeholder for a secret",
        about: "secret job-key",
        says: /placeholder/,
        mend: /make-secrets\.sh \S+ --renew job-key/,
      },
      {
        name: "a token for another audience",
        faults: [{ ...always, kind: "unauthorized", api: "hunting" }],
        about: "hunting",
        says: /token was refused/,
        mend: /CLOUD=/,
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
        about: "files",
        says: /not provisioned/,
        mend: /Assign a licence/,
      },
      {
        name: "a Cloud Apps token that was withdrawn",
        faults: [{ ...always, kind: "unauthorized", api: "cloud-apps" }],
        about: "cloud-apps",
        says: /token was refused/,
        mend: /make-secrets\.sh \S+ --cloud-apps-token/,
      },
    ],
  },
  {
    before: () => {
      here.tenant.vault.set("job-key", "k".repeat(40), { expiresAtMs: Date.now() + 5 * dayMs });
    },
    ailments: [
      {
        name: "a secret that ends soon",
        about: "secret job-key",
        says: /ends in 4 days/,
        mend: /make-secrets\.sh \S+ --renew job-key/,
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
        about: "hunting",
        says: /account mode/,
        mend: /Assign a licence/,
      },
      {
        name: "another address than Cloud Apps",
        faults: [{ ...always, kind: "login-redirect", api: "cloud-apps" }],
        about: "cloud-apps",
        says: /redirect/,
        mend: /CLOUD_APPS_URL=/,
      },
    ],
  },
  {
    settings: { HUNTING_API: "defender" },
    before: () => here.tenant.change({ hunting: { retired: 410 } }),
    ailments: [
      { name: "an API that is retired", about: "hunting", says: /410/, mend: /HUNTING_API=graph/ },
    ],
  },
  {
    before: () => here.tenant.change({ hunting: { retired: null } }),
    settings: appSecret,
    ailments: [
      {
        name: "an app's secret that Entra refuses",
        faults: [entra("AADSTS7000215")],
        about: "hunting",
        says: /AADSTS7000215/,
        mend: /az ad app credential reset --id [0-9a-f-]{36} .*--name defender-client-secret/,
      },
    ],
  },
  {
    ailments: [
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
        about: "hunting",
        says: /identity is not assigned/,
        mend: /az functionapp identity assign/,
      },
    ],
  },
  {
    settings: { DataStorage: "" },
    ailments: [
      { name: "no data account", about: "storage", says: /DataStorage/, mend: /Set DataStorage/ },
    ],
  },
];

describe.each(visits)("a visit", ({ ailments, before, settings = {} }) => {
  let report: Report;
  beforeAll(async () => {
    before?.();
    for (const fault of ailments.flatMap(({ faults = [] }) => faults))
      here.tenant.faults.add(fault);
    report = await examine(settings, "--json");
    here.tenant.faults.clear();
  });

  test.each(ailments)("finds $name, and says what mends it", ({ about, says, mend }) => {
    const finding = report.findings.find((one) => one.about === about);
    expect(finding?.says).toMatch(says);
    expect(finding?.mend).toMatch(mend);
    expect(report.code).toBe(report.findings.some(({ state }) => state === "ill") ? 1 : 0);
  });
});

/** The examination as far as storage, which nothing after it could do without. */
describe("the data account", () => {
  let proxy: FlakyProxy;
  beforeAll(async () => {
    proxy = await startFlakyProxy(blobPortOf(here.storage));
  });
  afterAll(() => proxy.stop());

  const storageFinding = async (blobPort: number): Promise<Finding | undefined> => {
    const value = byBlobPort(here.storage, blobPort);
    const { blobs, queues } = await openStorage({ kind: "connection-string", value }, { tries: 1 });
    const notReached = (): Promise<never> => Promise.reject(new Error("looked beyond storage"));
    const findings = examination({
      settings: () => readSettings(undefined, { ...here.settings, DataStorage: value }),
      records: async () => openRecords(blobs),
      queues: async () => openQueues(queues),
      vault: notReached,
      hunting: notReached,
      files: notReached,
      cloudApps: notReached,
      hunts: [],
      clock: systemClock,
    });
    for await (const finding of findings) if (finding.about === "storage") return finding;
    return undefined;
  };

  test("is well", async () => {
    expect(await storageFinding(proxy.port)).toMatchObject({ state: "well" });
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
  ] as const)("with %s is found ill, and what mends it", async (_, fault, says, mend) => {
    proxy.next([fault]);
    const finding = await storageFinding(proxy.port);
    expect(finding).toMatchObject({ state: "ill" });
    expect(finding?.says).toMatch(says);
    expect(finding?.mend).toMatch(mend);
  });

  test("out of reach is found ill, and what mends it", async () => {
    const finding = await storageFinding(1);
    expect(finding).toMatchObject({ state: "ill" });
    expect(finding?.says).toMatch(/ECONNREFUSED/);
    expect(finding?.mend).toMatch(/reach/);
  });
});

test.each([
  ["AADSTS7000222", /defender-client-secret/],
  ["AADSTS700016", /APP_CLIENT_ID=/],
  ["AADSTS90002", /TENANT_ID=/],
  ["AADSTS70011", /CLOUD=/],
  ["AADSTS500011", /not set up in this tenant/],
  ["AADSTS700213", /federated-credential create/],
])("%s of Entra has its command", (code, mend) => {
  const names = { vault: "v", appClientId: "a", actIdentity: "i" };
  expect(entraMend(`Graph: entra: no token was issued (${code})`, names)).toMatch(mend);
});
