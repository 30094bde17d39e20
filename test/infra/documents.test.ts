/** Checks the documents against the repository: links, examples, the settings table. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { compileHunt } from "../../shared/kql/compile/compile-hunt.ts";
import { settingsSchema } from "../../shared/runtime/settings.ts";
import { readSource } from "../../shared/webhooks/sources.ts";
import { compileMappings } from "../../shared/build/compile-mappings.ts";

const documents = globSync("**/*.md", {
  exclude: (name) => ["node_modules", ".huntline", "dist"].includes(name),
}).toSorted();
const readDocument = (file: string): string => readFileSync(file, "utf8");
const readLines = (file: string): readonly string[] => readDocument(file).split("\n");

/** Lines of prose and tables; code in fences is left out. */
const stripFences = (text: string): string => text.replaceAll(/^```[^]*?^```$/gm, "");

interface Link {
  readonly target: string;
  readonly anchor: string | undefined;
}

const listLinks = (file: string): readonly Link[] =>
  [...stripFences(readDocument(file)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    // The branch that the release workflow publishes.
    .filter((link) => !/^(?:\.\.\/)+tree\/deploy$/.test(link))
    .map((link) => {
      const [path = "", anchor] = link.split("#");
      return { target: path === "" ? file : normalize(join(dirname(file), path)), anchor };
    });

const listAnchors = (file: string): readonly string[] =>
  readLines(file)
    .filter((line) => line.startsWith("#"))
    .map((line) =>
      line
        .replace(/^#+ /, "")
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    );

test.each(documents)("all links of %s lead to a file and a heading", (file) => {
  const broken = listLinks(file).filter(
    ({ target, anchor }) =>
      !existsSync(target) ||
      (anchor !== undefined && target.endsWith(".md") && !listAnchors(target).includes(anchor)),
  );
  expect(broken).toEqual([]);
});

describe("shared/README.md", () => {
  test.each([
    ["A hunt", "shared/hunts/catalog"],
    ["A quota", "shared/clients/files.ts"],
    ["A closing reason", "shared/contracts/alert-verdict.ts"],
    ["A webhook source", "shared/webhooks/mappings"],
    ["An endpoint", "functions"],
    ["A setting", "shared/runtime/settings.ts"],
    ["A wire name", "shared/clients"],
  ])("leads from %s to %s", (subject, target) => {
    const row = readLines("shared/README.md").find((line) => line.startsWith(`| ${subject} `));
    const targets = [...(row ?? "").matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) =>
      normalize(join("shared", link)).replace(/\/$/, ""),
    );
    expect(targets).toContain(target);
    expect(targets.filter((each) => !existsSync(each))).toEqual([]);
  });
});

describe("README.md", () => {
  test("has at most 220 lines of at most 120 characters", () => {
    const lines = readDocument("README.md").trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(220);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });
});

describe("shared/runtime/README.md", () => {
  const file = "shared/runtime/README.md";

  test("names files that exist", () => {
    const named = readLines(file).flatMap((line) => /^\| `([\w-]+\.ts)`/.exec(line)?.[1] ?? []);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !existsSync(join("shared/runtime", name)))).toEqual([]);
  });

  test("lists each setting with its default", () => {
    const rows = readLines(file).flatMap((line) => {
      const [, name, value = ""] = /^\| `([A-Z_]+)` *\| ([^|]*)\|/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value.trim().replaceAll("`", "")] as const];
    });
    const names = Object.keys(settingsSchema.shape).filter((name) => !name.endsWith("_URL"));
    const urls = Object.keys(settingsSchema.shape).filter((name) => name.endsWith("_URL"));
    expect(rows.map(([name]) => name)).toEqual(expect.arrayContaining(names));
    expect(urls.filter((name) => !readDocument(file).includes(`\`${name}\``))).toEqual([]);
    const { success, data, error } = settingsSchema.safeParse({});
    expect(success).toBe(false);
    const required = new Set(error?.issues.map(({ path }) => String(path[0])));
    for (const [name, value] of rows) {
      const schema = settingsSchema.shape[name as keyof typeof settingsSchema.shape];
      const parsed = schema.safeParse(undefined).data;
      const expected = required.has(name)
        ? "required"
        : parsed === undefined
          ? ""
          : typeof parsed === "object"
            ? JSON.stringify(parsed)
            : String(parsed);
      expect(`${name} ${value}`).toBe(`${name} ${expected}`);
    }
    expect(data).toBeUndefined();
  });
});

test("the example of shared/hunts/README.md is a valid hunt with every key", () => {
  const yaml = /^```yaml\n([^]*?)^```$/m.exec(readDocument("shared/hunts/README.md"))?.[1] ?? "";
  const { hunt, problems } = compileHunt("example.yaml", "example", yaml);
  expect(problems).toEqual([]);
  expect(hunt?.mode).toBe("window");
});

test("the sources of shared/webhooks/README.md are valid", () => {
  const json = /^```json\n([^]*?)^```$/m.exec(readDocument("shared/webhooks/README.md"))?.[1];
  const sources = JSON.parse(
    (json ?? "").replace(
      "<client id of the Logic App's identity>",
      `${"0".repeat(8)}-0000-0000-0000-${"0".repeat(12)}`,
    ),
  ) as Record<string, unknown>;
  const compiled = compileMappings("shared/webhooks/mappings");
  if (compiled.kind === "problems") throw new Error("the mappings do not compile");
  const results = Object.keys(sources).map((name) => readSource(sources, name, compiled.mappings));
  expect(results.filter(({ kind }) => kind !== "source")).toEqual([]);
  expect(results.length).toBeGreaterThan(3);
});
