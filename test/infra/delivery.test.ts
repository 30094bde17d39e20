import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
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
    const named = [...text.matchAll(/(?:infra|shared)\/[\w./-]+\.(?:ts|sh|bicep|bicepparam)/g)].map(
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

interface Hook {
  readonly shell: string;
  readonly run: string;
}

const listNpmRuns = (script: string): readonly string[] =>
  [...script.matchAll(/npm run ([\w-]+)/g)].map(([, name]) => name ?? "");

test("azd deploys to the app with its tag and runs scripts that exist", () => {
  const azd = parse(readFileSync("azure.yaml", "utf8")) as {
    services: Record<string, { remoteBuild: boolean }>;
    hooks: Record<string, { posix: Hook; windows: Hook }>;
  };
  expect(Object.keys(azd.services)).toEqual(["huntline"]);
  expect(readFileSync("infra/modules/app.bicep", "utf8")).toContain(
    "'azd-service-name': 'huntline'",
  );
  for (const { posix, windows } of Object.values(azd.hooks)) {
    expect([posix.shell, windows.shell]).toEqual(["sh", "pwsh"]);
    expect(listNpmRuns(windows.run)).toEqual(listNpmRuns(posix.run));
  }
  expect(
    listNpmRuns(azd.hooks["preprovision"]?.posix.run ?? ""),
    "writes infra/hunts.json",
  ).toEqual(["package"]);
  expect(azd.hooks["postprovision"]?.posix.run).toBe("npm run azure -- provisioned");
  expect(azd.hooks["postdeploy"]?.posix.run).toBe("npm run azure -- deployed");
  const outputs = parseBicep("main.bicep", readFileSync("infra/main.bicep", "utf8")).filter(
    ({ kind }) => kind === "output",
  );
  const hooks = readFileSync("shared/cli/azure/hooks.ts", "utf8");
  const usedOutputs = [
    ...hooks.matchAll(
      /(?:environment, |environment\[)"([A-Z_]+_(?:NAME|PRINCIPAL_ID|URL|GROUP))"/g,
    ),
  ].map(([, name]) => name);
  expect(usedOutputs.length).toBeGreaterThan(2);
  expect(outputs.map(({ name }) => name)).toEqual(expect.arrayContaining(usedOutputs));
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
    const scripts = [
      ...text.matchAll(/(?:infra|shared)\/[\w./-]+\.(?:ts|sh|bicep|bicepparam)/g),
    ].map(([file]) => file);
    expect(scripts.length).toBeGreaterThan(3);
    expect(scripts.filter((file) => !existsSync(file))).toEqual([]);
  });
});
