import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { deployTemplate } from "./bicep/deploy.ts";
import { parseBicep } from "./bicep/parse.ts";

const folder = ".github/workflows";
const workflows = readdirSync(folder).map(
  (name) => [name, readFileSync(join(folder, name), "utf8")] as const,
);

interface Workflow {
  readonly permissions: object;
  readonly jobs: Readonly<
    Record<string, { readonly permissions?: object; readonly steps: readonly Step[] }>
  >;
}
interface Step {
  readonly uses?: string;
  readonly run?: string;
}

describe.each(workflows)("the workflow %s", (_, text) => {
  const { jobs, permissions } = parse(text) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  test("uses actions by commit only", () => {
    const loose = steps.flatMap(({ uses }) =>
      uses === undefined || /@[0-9a-f]{40}$/.test(uses) ? [] : [uses],
    );
    expect(loose).toEqual([]);
  });

  test("grants no permission by default and lists each job's own", () => {
    expect(permissions).toEqual({});
    expect(Object.values(jobs).filter((job) => job.permissions === undefined)).toEqual([]);
  });

  test("uses no secret and puts no expression into a script", () => {
    expect(text).not.toContain("secrets.");
    expect(steps.filter(({ run }) => run?.includes("${{") === true)).toEqual([]);
  });

  test("runs only scripts and files that exist", () => {
    const named = [...text.matchAll(/infra\/[\w./-]+\.(?:sh|bicep|bicepparam)/g)].map(
      ([file]) => file,
    );
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
      scripts: Record<string, string>;
    };
    const run = [...text.matchAll(/npm run ([\w-]+)/g)].map(([, name]) => name ?? "");
    expect(run.filter((name) => !(name in scripts))).toEqual([]);
  });
});

test("azd deploys to the app with its tag and runs scripts that exist", () => {
  const azd = parse(readFileSync("azure.yaml", "utf8")) as {
    services: Record<string, { remoteBuild: boolean }>;
    hooks: Record<string, { run: string }>;
  };
  expect(Object.keys(azd.services)).toEqual(["huntline"]);
  expect(readFileSync("infra/modules/app.bicep", "utf8")).toContain(
    "'azd-service-name': 'huntline'",
  );
  const script = /bash (\S+)/.exec(azd.hooks["postprovision"]?.run ?? "")?.[1] ?? "";
  expect(existsSync(script)).toBe(true);
  expect(azd.hooks["preprovision"]?.run, "writes infra/hunts.json").toContain("npm run package");
  const outputs = parseBicep("main.bicep", readFileSync("infra/main.bicep", "utf8")).filter(
    ({ kind }) => kind === "output",
  );
  const usedOutputs = [
    ...readFileSync(script, "utf8").matchAll(/\$\{?(\w+_(?:NAME|PRINCIPAL_ID))/g),
  ].map(([, name]) => name);
  expect(usedOutputs.length).toBeGreaterThan(2);
  expect(outputs.map(({ name }) => name)).toEqual(expect.arrayContaining(usedOutputs));
});

/** A stand-in for `az`: logs its arguments, stores the values it gets, answers from a list. */
const fakeAz = `#!/bin/sh
echo "$*" >> "$AZ_LOG/calls"
case "$*" in
  *"secret list"*none*)
    echo x >> "$AZ_LOG/attempts"
    if [ "$(wc -l < "$AZ_LOG/attempts")" -le "$AZ_REFUSALS" ]; then echo "$AZ_ERROR" >&2; exit 1; fi;;
  *"secret list"*name*) for held in $AZ_HELD; do case "$*" in *"'$held'"*) echo "$held";; esac; done;;
  *"secret set"*)
    while [ $# -gt 0 ]; do
      [ "$1" = --name ] && name=$2
      [ "$1" = --file ] && file=$2
      shift
    done
    cat "$file" > "$AZ_LOG/value-$name";;
esac
`;

const hasProgram = (name: string): boolean => spawnSync(name, ["--version"]).status === 0;

const tempFolders: string[] = [];
afterEach(() => {
  for (const each of tempFolders.splice(0)) rmSync(each, { recursive: true });
});

interface FakeAzure {
  readonly storedNames?: string;
  /** How many calls are refused at first, and with which message. */
  readonly refusals?: number;
  readonly error?: string;
  /** What is typed at the terminal, where there is one. */
  readonly typed?: string;
}

function runMakeSecrets(
  { storedNames = "", refusals = 0, error = "", typed }: FakeAzure,
  ...args: string[]
) {
  const root = mkdtempSync(join(tmpdir(), "huntline-secrets-"));
  tempFolders.push(root);
  writeFileSync(join(root, "az"), fakeAz);
  chmodSync(join(root, "az"), 0o755);
  const env = {
    ...process.env,
    PATH: `${root}:${process.env["PATH"] ?? ""}`,
    AZ_LOG: root,
    AZ_HELD: storedNames,
    AZ_REFUSALS: String(refusals),
    AZ_ERROR: error,
    HUNTLINE_ATTEMPTS: "3",
    HUNTLINE_DELAY_SECONDS: "0",
  };
  const command = ["bash", "infra/scripts/make-secrets.sh", "kv-x", ...args];
  // `script` gives the command a terminal, which is where it asks.
  const [program = "", ...words] =
    typed === undefined ? command : ["script", "-qec", command.join(" "), "/dev/null"];
  const result = spawnSync(program, words, {
    env,
    ...(typed === undefined ? {} : { input: typed }),
    encoding: "utf8",
    timeout: 20_000,
  });
  const values = readdirSync(root).filter((name) => name.startsWith("value-"));
  const readFile = (name: string): string => readFileSync(join(root, name), "utf8");
  return {
    ...result,
    visibleText: result.stdout + result.stderr + readFile("calls"),
    values: Object.fromEntries(values.map((name) => [name.slice(6), readFile(name)])),
  };
}

describe("make-secrets", () => {
  test("creates random keys that appear nowhere but in the vault", () => {
    const { visibleText, status, values } = runMakeSecrets({}, "--webhook", "sentinel");
    expect(status).toBe(0);
    expect(Object.keys(values).toSorted()).toEqual(["audit-key", "job-key", "webhook-sentinel"]);
    const all = Object.values(values);
    expect(all.map((value) => Buffer.from(value, "base64").length)).toEqual([32, 32, 32]);
    expect(new Set(all).size).toBe(3);
    expect(all.filter((value) => visibleText.includes(value))).toEqual([]);
  });

  test("keeps the secrets that exist", () => {
    expect(Object.keys(runMakeSecrets({ storedNames: "audit-key" }).values)).toEqual(["job-key"]);
  });

  test("renews the secret that is named", () => {
    const { values } = runMakeSecrets({ storedNames: "audit-key job-key" }, "--renew", "job-key");
    expect(Object.keys(values)).toEqual(["job-key"]);
  });

  test("refuses an invalid source and an unknown option", () => {
    expect(runMakeSecrets({}, "--webhook", "a b").status).toBe(2);
    expect(runMakeSecrets({}, "--webhok", "a").status).toBe(2);
  });

  const stored = "audit-key job-key cloud-apps-token";

  test.runIf(hasProgram("script"))("keeps the Cloud Apps token when Enter is pressed", () => {
    const { status, stdout, values } = runMakeSecrets(
      { storedNames: stored, typed: "\n" },
      "--cloud-apps-token",
    );
    expect([status, values]).toEqual([0, {}]);
    expect(stdout).toContain("cloud-apps-token: kept");
  });

  test.runIf(hasProgram("script"))("stores a Cloud Apps token without showing it", () => {
    const { status, visibleText, values } = runMakeSecrets(
      { storedNames: stored, typed: "c2VjcmV0\n" },
      "--cloud-apps-token",
    );
    expect([status, values]).toEqual([0, { "cloud-apps-token": "c2VjcmV0" }]);
    expect(visibleText.replace("c2VjcmV0\r\n", "")).not.toContain("c2VjcmV0");
  });

  test("waits while the new role has no effect yet", () => {
    const { status, stdout } = runMakeSecrets({ refusals: 2, error: "(Forbidden) Caller is not" });
    expect(status).toBe(0);
    expect(stdout).toContain("has no effect yet; next attempt in 0 s (2 of 3)");
  });

  test("ends at once for any other error and names az login", () => {
    const { status, stdout, stderr } = runMakeSecrets({
      refusals: 9,
      error: "ERROR: Please run 'az login' to setup account.",
    });
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("Sign in with: az login");
  });
});

describe("infra/README.md", () => {
  const text = readFileSync("infra/README.md", "utf8");
  const listNames = (file: string, kind: string) =>
    parseBicep(file, readFileSync(file, "utf8"))
      .filter((each) => each.kind === kind)
      .map(({ name }) => name);

  test("names parameters and outputs that exist", () => {
    const settings = text.slice(
      text.indexOf("## Settings"),
      text.indexOf("Secrets are never settings"),
    );
    const rows = settings.split("\n").filter((line) => line.startsWith("| `"));
    const named = rows.flatMap((row) =>
      [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    expect(listNames("infra/main.bicep", "param")).toEqual(expect.arrayContaining(named));
    const outputs = [...text.matchAll(/<([A-Z_]{3,})>/g)].map(([, name]) => name);
    expect(listNames("infra/main.bicep", "output")).toEqual(expect.arrayContaining(outputs));
  });

  test("has a runbook entry for each alert", () => {
    const { resources } = deployTemplate("infra/main.bicep", {
      cloudAppsUrl: "https://contoso.eu.portal.cloudappsecurity.com",
    });
    const alerts = resources
      .filter(({ type }) => type === "Microsoft.Insights/scheduledQueryRules")
      .map(({ name }) => name.replace("alert-huntline-", ""));
    expect(alerts.length).toBeGreaterThan(10);
    expect(alerts.filter((name) => !text.includes(`| \`${name}\``))).toEqual([]);
  });

  test("runs only scripts that exist", () => {
    const scripts = [...text.matchAll(/infra\/[\w./-]+\.(?:sh|bicep|bicepparam)/g)].map(
      ([file]) => file,
    );
    expect(scripts.length).toBeGreaterThan(3);
    expect(scripts.filter((file) => !existsSync(file))).toEqual([]);
  });
});
