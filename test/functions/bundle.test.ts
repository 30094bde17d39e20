/** The built bundle: its doors are those of the folder, and nothing in it belongs to the build or the tests. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadApp } from "../host/core.ts";

const bundles = readdirSync("dist").filter((name) => name.endsWith(".cjs"));
const doors = readdirSync("functions").filter((name) => name.endsWith(".ts"));

describe("the bundle", () => {
  test("registers every door of the folder", async () => {
    const listed = readFileSync("functions/index.ts", "utf8");
    for (const door of doors.filter((name) => name !== "index.ts")) expect(listed).toContain(`import "./${door}"`);
  });

  test.each(bundles)("%s holds no YAML parser, no KQL parser and no test code", (name) => {
    const text = readFileSync(`dist/${name}`, "utf8");
    for (const foreign of ["Kusto.Language", "YAMLParseError", "vitest", "startTenant", "createWorld"])
      expect(text).not.toContain(foreign);
  });

  test("keeps the main file small and the SDKs out of it", () => {
    const main = readFileSync("dist/main.cjs", "utf8");
    expect(main.length).toBeLessThan(600_000);
    expect(main).not.toContain("ManagedIdentityCredential: ");
  });
});

const storage = "UseDevelopmentStorage=true";

describe("the doors", () => {
  test.each(doors)("%s has at most 60 lines", (name) => {
    expect(readFileSync(`functions/${name}`, "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(60);
  });

  test("state methods and authLevel, and no function name has a hyphen", async () => {
    const { doors: registered } = await loadApp({ env: { DataStorage: storage, AzureWebJobsStorage: storage } });
    expect(registered.length).toBeGreaterThan(20);
    for (const { name } of registered) expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    for (const { trigger } of registered.filter(({ trigger: one }) => one.kind === "http"))
      expect(Object.keys(trigger)).toEqual(expect.arrayContaining(["methods", "authLevel"]));
  });
});
