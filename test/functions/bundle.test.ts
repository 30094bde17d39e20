/**
 * The built bundle registers the functions of the folder and contains nothing of the build or the
 * tests.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { loadApp } from "../functions-host/load-app.ts";

const storage = "UseDevelopmentStorage=true";
const bundles = readdirSync("dist").filter((name) => name.endsWith(".cjs"));
const entries = ["index.ts", "main.ts"];
const functionFiles = readdirSync("functions").filter((name) => name.endsWith(".ts"));
// Once: a process that has loaded the bundle before registers nothing again.
const { functions: registered } = await loadApp({
  env: { DataStorage: storage, AzureWebJobsStorage: storage },
});

describe("the bundle", () => {
  test("registers every function of the folder", () => {
    const listed = readFileSync("functions/index.ts", "utf8");
    for (const file of functionFiles.filter((name) => !entries.includes(name)))
      expect(listed).toContain(`import "./${file}"`);
  });

  test.each(bundles)("%s holds no YAML parser, no KQL parser and no test code", (name) => {
    const text = readFileSync(`dist/${name}`, "utf8");
    for (const foreign of [
      "Kusto.Language",
      "YAMLParseError",
      "vitest",
      "startSimulator",
      "createDataset",
    ])
      expect(text).not.toContain(foreign);
  });

  test("keeps the main file small, and the SDKs out of the app", () => {
    expect(readFileSync("dist/main.cjs").length).toBeLessThan(10_000);
    const app = readFileSync("dist/app.cjs", "utf8");
    expect(app.length).toBeLessThan(600_000);
    expect(app).not.toContain("ManagedIdentityCredential: ");
  });

  test("loads the app at the first call, not before", () => {
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    expect(loaded.filter((file) => /\/dist\/(?:main|app)\.cjs$/.test(file))).toEqual([
      resolve("dist/main.cjs"),
    ]);
  });
});

describe("the functions", () => {
  test.each(functionFiles)("%s has at most 60 lines", (name) => {
    expect(
      readFileSync(`functions/${name}`, "utf8").trimEnd().split("\n").length,
    ).toBeLessThanOrEqual(60);
  });

  test("state methods and authLevel, and no function name has a hyphen", () => {
    expect(registered.length).toBeGreaterThan(20);
    for (const { name } of registered) expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    for (const { trigger } of registered.filter(({ trigger: one }) => one.kind === "http"))
      expect(Object.keys(trigger)).toEqual(expect.arrayContaining(["methods", "authLevel"]));
  });
});
