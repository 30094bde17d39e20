import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { UsageError } from "../../../shared/cli/command-line.ts";
import { createOutput } from "../../../shared/cli/output.ts";
import type { TenantBlobs } from "../../../shared/cli/tenants/forget-tenant.ts";
import { runTenants } from "../../../shared/cli/tenants/run.ts";

const tenant = (digit: string) => ({ tenantId: `${digit.repeat(8)}-1111-1111-1111-111111111111` });

beforeEach(() => {
  vi.stubEnv("TENANT_ID", "11111111-1111-1111-1111-111111111111");
  vi.stubEnv("APP_CLIENT_ID", "22222222-2222-2222-2222-222222222222");
  vi.stubEnv("APP_CREDENTIAL", "federated");
  const fabrikam = { ...tenant("4"), enabled: false };
  vi.stubEnv("TENANTS", JSON.stringify({ contoso: tenant("3"), fabrikam }));
});
afterEach(() => vi.unstubAllEnvs());

const storedPaths = [
  "exports/hl_tenant=contoso/hl_hunt=a/1.ndjson.gz",
  "exports/hl_tenant=fabrikam/hl_hunt=a/1.ndjson.gz",
  "exports/hl_tenant=fabrikam/hl_hunt=a/2.ndjson.gz",
  "state/hunts/fabrikam/a/head.json",
  "state/hunts/fabrikam-eu/a/head.json",
  "state/jobs/contoso/1/job.json",
  "dead-letters/fabrikam/hunt-runs/1.json",
  "audit/fabrikam/2026-01-05/1.json",
];

function createBlobs(paths: Set<string>): TenantBlobs {
  const listUnder = (container: string, prefix: string): string[] =>
    [...paths].filter((path) => path.startsWith(`${container}/${prefix}`));
  return {
    listFolders: async (container, prefix) => [
      ...new Set(listUnder(container, prefix).map((path) => `${path.split("/")[1] ?? ""}/`)),
    ],
    list: async function* (container, prefix) {
      for (const path of listUnder(container, prefix))
        yield { name: path.slice(container.length + 1), bytes: 10 };
    },
    remove: async (container, name) => void paths.delete(`${container}/${name}`),
  };
}

async function runCommand(...words: string[]) {
  const paths = new Set(storedPaths);
  const [out, err]: [string[], string[]] = [[], []];
  const collect = (lines: string[]) => ({ write: (text: string) => lines.push(text.trimEnd()) });
  const code = await runTenants(words, {
    output: createOutput(collect(out), collect(err)),
    loadSettings: () => undefined,
    openBlobs: async () => createBlobs(paths),
  });
  return { code, out, paths: [...paths] };
}

describe("npm run tenants", () => {
  test("lists the enabled tenants", async () => {
    const { out } = await runCommand("list");
    expect(out).toEqual([
      expect.stringMatching(/^tenant +id +cloud +hunting$/),
      expect.stringMatching(/^default +11111111-.* public +graph$/),
      expect.stringMatching(/^contoso +33333333-.* public +graph$/),
    ]);
  });

  test("prints where an administrator consents, and what follows", async () => {
    const { code, out } = await runCommand("consent", "contoso");
    expect(code).toBe(0);
    expect(out[0]).toBe(
      "https://login.microsoftonline.com/33333333-1111-1111-1111-111111111111/adminconsent?client_id=22222222-2222-2222-2222-222222222222",
    );
    expect(out.at(-1)).toBe("  npm run doctor -- --tenant contoso");
  });

  test("counts what is stored of a tenant and deletes nothing in a dry run", async () => {
    const { out, paths } = await runCommand("forget", "fabrikam", "--dry-run");
    expect(paths).toEqual(storedPaths);
    expect(out.slice(1, 5)).toEqual([
      expect.stringMatching(/^exports\/hl_tenant=fabrikam\/ +2 +20 +to delete$/),
      expect.stringMatching(/^dead-letters\/fabrikam\/ +1 +10 +to delete$/),
      expect.stringMatching(/^state\/hunts\/fabrikam\/ +1 +10 +to delete$/),
      expect.stringMatching(/^audit\/fabrikam\/ +1 +10 +kept$/),
    ]);
    expect(out[5]).toContain("immutable");
  });

  test("deletes what is stored of a tenant, but not its audit nor another tenant's data", async () => {
    const { code, paths } = await runCommand("forget", "fabrikam");
    expect(code).toBe(0);
    expect(paths).toEqual([
      "exports/hl_tenant=contoso/hl_hunt=a/1.ndjson.gz",
      "state/hunts/fabrikam-eu/a/head.json",
      "state/jobs/contoso/1/job.json",
      "audit/fabrikam/2026-01-05/1.json",
    ]);
  });

  test("says when nothing is stored", async () => {
    expect((await runCommand("forget", "northwind")).out).toEqual([
      "Nothing is stored of northwind.",
    ]);
  });

  test.each([
    [["forget", "contoso"], /contoso is enabled.*Set "enabled": false in TENANTS first/],
    [["forget", "default"], /belongs to the deployment/],
    [["forget", "../x"], /must be 2 to 40 of/],
    [["forget"], /requires a tenant/],
    [["consent", "contosso"], /must be one of default, contoso\. Did you mean "contoso"\?/],
    [["lst"], /Did you mean "list"\?/],
    [["list", "contoso"], /Unexpected "contoso"/],
  ])("refuses %j with a reason", async (words, reason) => {
    await expect(runCommand(...words)).rejects.toThrow(UsageError);
    await expect(runCommand(...words)).rejects.toThrow(reason);
  });

  test("has no consent address for managed identities", async () => {
    vi.stubEnv("TENANTS", "{}");
    vi.stubEnv("APP_CLIENT_ID", "");
    await expect(runCommand("consent", "default")).rejects.toThrow(/need no consent/);
  });
});
