/** Checks the dependencies: few, locked by hash, without install scripts. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface LockedPackage {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly link?: boolean;
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Record<
  string,
  Record<string, string>
>;
const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
  packages: Record<string, LockedPackage>;
};
const installed = Object.entries(lock.packages).filter(([path]) => path !== "");

test("the app depends on these packages and no other, each in one exact version", () => {
  expect(Object.keys(manifest["dependencies"] ?? {})).toEqual([
    "@azure/functions",
    "@azure/identity",
    "@azure/keyvault-secrets",
    "@azure/storage-blob",
    "@azure/storage-queue",
    "hyparquet",
    "hyparquet-writer",
    "jose",
    "zod",
  ]);
  const versions = Object.values({ ...manifest["dependencies"], ...manifest["devDependencies"] });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+(?:-[a-z]+\.\d+)?$/.test(version))).toEqual([
    "file:test/support/applicationinsights",
  ]);
});

test("every installed package is locked by hash", () => {
  expect(installed.length).toBeGreaterThan(100);
  expect(
    installed.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path),
  ).toEqual(["node_modules/applicationinsights", "test/support/applicationinsights"]);
});

test("no deployed package runs an install script", () => {
  const shipped = installed.filter(
    ([, { dev, devOptional, optional }]) => !dev && !devOptional && !optional,
  );
  expect(shipped.length).toBeGreaterThan(10);
  expect(
    shipped.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path),
  ).toEqual([]);
});
