/**
 * Files that editors, GitHub and npm expect: each holds what the public schema of its kind
 * requires.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const readYaml = (file: string): Record<string, unknown> =>
  parse(readFileSync(file, "utf8")) as Record<string, unknown>;
const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, "utf8")) as T;
const scripts = Object.keys(readJson<{ scripts: object }>("package.json").scripts);

describe("the editor", () => {
  interface Launch {
    readonly configurations: readonly {
      readonly name: string;
      readonly type: string;
      readonly request: string;
      readonly runtimeArgs?: readonly string[];
      readonly program?: string;
    }[];
  }

  test("starts the app and a test with breakpoints", () => {
    const { configurations } = readJson<Launch>(".vscode/launch.json");
    expect(configurations.map(({ request, type }) => `${type} ${request}`)).toEqual([
      "node launch",
      "node launch",
    ]);
    expect(configurations[0]?.runtimeArgs).toContain("start");
    const program = configurations[1]?.program?.replace("${workspaceFolder}/", "") ?? "";
    expect(existsSync(program)).toBe(true);
  });

  test("has a task for scripts that exist", () => {
    const { tasks } = readJson<{ tasks: readonly { script: string }[] }>(".vscode/tasks.json");
    expect(tasks.map(({ script }) => script).filter((script) => !scripts.includes(script))).toEqual(
      [],
    );
  });

  test("finds a faulty hunt by the line that the check prints", () => {
    const pattern = (matcher: { regexp: string }): RegExp => new RegExp(matcher.regexp);
    const { tasks } = readJson<{
      tasks: readonly { problemMatcher: { pattern: { regexp: string } } }[];
    }>(".vscode/tasks.json");
    const { problemMatcher } = readJson<{
      problemMatcher: readonly { pattern: readonly { regexp: string }[] }[];
    }>(".github/actions/check-hunts/problem-matcher.json");
    const line = "hunts/a-hunt.yaml:7:3 The name 'FileNam' is unknown.";
    const regexps = [tasks[0]?.problemMatcher.pattern, problemMatcher[0]?.pattern[0]];
    for (const each of regexps)
      expect(each && pattern(each).exec(line)?.slice(1)).toEqual([
        "hunts/a-hunt.yaml",
        "7",
        "3",
        "The name 'FileNam' is unknown.",
      ]);
  });

  test("recommends in both places the same extensions", () => {
    const container = readJson<{
      image: string;
      customizations: { vscode: { extensions: readonly string[] } };
    }>(".devcontainer/devcontainer.json");
    const { recommendations } = readJson<{ recommendations: readonly string[] }>(
      ".vscode/extensions.json",
    );
    expect(container.customizations.vscode.extensions).toEqual(recommendations);
    expect(container.image).toContain(readFileSync(".nvmrc", "utf8").trim());
  });
});

describe("GitHub", () => {
  test("keeps npm and the actions current in groups, every week", () => {
    const { updates, version } = readYaml(".github/dependabot.yml") as {
      version: number;
      updates: readonly {
        "package-ecosystem": string;
        schedule: { interval: string };
        groups: object;
      }[];
    };
    expect(version).toBe(2);
    expect(updates.map((update) => update["package-ecosystem"])).toEqual(["npm", "github-actions"]);
    for (const { groups, schedule } of updates) {
      expect(schedule.interval).toBe("weekly");
      expect(Object.keys(groups).length).toBeGreaterThan(0);
    }
  });

  const forms = readdirSync(".github/ISSUE_TEMPLATE").filter((name) => name !== "config.yml");

  test.each(forms)("shows the form %s with a field that must be filled", (name) => {
    const { body, description } = readYaml(join(".github/ISSUE_TEMPLATE", name)) as {
      description: string;
      body: readonly { type: string; id?: string; validations?: { required: boolean } }[];
    };
    expect(description).toMatch(/\.$/);
    const kinds = ["markdown", "textarea", "input", "dropdown", "checkboxes"];
    expect(body.filter(({ type }) => !kinds.includes(type))).toEqual([]);
    expect(body.some(({ validations }) => validations?.required)).toBe(true);
    const ids = body.flatMap(({ id }) => (id === undefined ? [] : [id]));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("checks a repository of hunts with a pinned action and no script of a dependency", () => {
    const { inputs, runs } = readYaml(".github/actions/check-hunts/action.yml") as {
      inputs: object;
      runs: { using: string; steps: readonly { uses?: string; run?: string; shell?: string }[] };
    };
    expect(Object.keys(inputs)).toEqual(["folder"]);
    expect(runs.using).toBe("composite");
    for (const { run, shell, uses } of runs.steps) {
      expect(uses ?? `${shell}`).toMatch(/@[0-9a-f]{40}$|^bash$/);
      expect(run ?? "").not.toContain("${{");
    }
    expect(runs.steps.map(({ run }) => run ?? "").join("\n")).toContain("npm ci --ignore-scripts");
  });

  test("signs a release in a job that runs no code of a dependency", () => {
    const { jobs } = readYaml(".github/workflows/release.yml") as {
      jobs: Record<
        string,
        { permissions: Record<string, string>; steps: readonly { run?: string; uses?: string }[] }
      >;
    };
    const signing = Object.values(jobs).filter(({ permissions }) => "id-token" in permissions);
    expect(signing).toHaveLength(1);
    const text = JSON.stringify(signing);
    expect(text).not.toMatch(/\bnpm\b|\bnode\b|checkout/);
  });
});

test("npm refuses to run a script of a dependency that is not named", () => {
  expect(readFileSync(".npmrc", "utf8")).toMatch(/^strict-allow-scripts=true$/m);
  const { allowScripts } = readJson<{ allowScripts: object }>("package.json");
  const { packages } = readJson<{
    packages: Record<string, { hasInstallScript?: boolean; optional?: boolean }>;
  }>("package-lock.json");
  const scripted = Object.entries(packages)
    .filter(([, { hasInstallScript, optional }]) => hasInstallScript === true && optional !== true)
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
  expect(scripted.toSorted()).toEqual(Object.keys(allowScripts).toSorted());
});
