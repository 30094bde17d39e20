import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";

const layers = [
  "functions",
  "test",
  ...["alerts", "app", "audit", "build", "cli", "clients", "console", "contracts", "files"].map(
    (name) => `shared/${name}`,
  ),
  ...["http", "http-pipeline", "hunts", "kql", "rows", "runtime", "storage", "webhooks"].map(
    (name) => `shared/${name}`,
  ),
];
const shared = (...names: string[]): string[] => names.map((name) => `shared/${name}`);
const domainModule = ["contracts", "storage", "runtime"];
const running = layers.filter(
  (layer) => !["functions", "test", ...shared("build", "cli", "console", "kql")].includes(layer),
);

/** What each layer may import, apart from itself and packages. */
const allowedImports: Readonly<Record<string, readonly string[]>> = {
  functions: shared("app", "contracts", "http", "hunts", "files", "alerts", "webhooks"),
  "shared/app": running,
  "shared/alerts": shared(...domainModule),
  "shared/audit": shared(...domainModule),
  "shared/files": shared(...domainModule),
  "shared/webhooks": shared(...domainModule),
  "shared/hunts": shared(...domainModule, "rows"),
  "shared/build": layers.filter((layer) => layer !== "functions" && layer !== "test"),
  "shared/cli": layers.filter((layer) => layer !== "functions" && layer !== "test"),
  "shared/clients": [
    ...shared("http-pipeline", "contracts", "rows", "runtime", "storage"),
    ...shared("hunts", "files", "alerts", "webhooks"),
  ],
  "shared/console": shared("contracts"),
  "shared/contracts": shared("runtime"),
  "shared/http": shared("contracts", "runtime"),
  "shared/http-pipeline": shared("contracts", "runtime", "storage"),
  "shared/kql": shared("contracts", "runtime"),
  "shared/rows": shared("contracts", "runtime"),
  "shared/runtime": [],
  "shared/storage": shared("contracts", "runtime"),
};

const project = mkdtempSync(join(tmpdir(), "huntline-lint-"));
afterAll(() => rmSync(project, { recursive: true, force: true }));

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

/** Writes one file per import and returns those that lint refuses. */
async function findRefused(imports: readonly (readonly [from: string, to: string])[]) {
  cpSync(".oxlintrc.json", join(project, ".oxlintrc.json"));
  for (const [from, to] of imports) {
    const file = join(project, fileOf(from, to));
    mkdirSync(dirname(file), { recursive: true });
    const target = to.startsWith("shared/") || !to.includes("/") ? `${to}/x/y.ts` : to;
    const path = /^(?:@|node:)/.test(to) ? to : relative(dirname(file), join(project, target));
    writeFileSync(file, `import { x } from "${path}";\nexport const y = x;\n`);
  }
  const { stdout } = await promisify(execFile)(
    resolve("node_modules/.bin/oxlint"),
    ["--format", "json", "functions", "shared"],
    { cwd: project, maxBuffer: 1e8 },
  ).catch((error: unknown) => error as { stdout: string });
  const { diagnostics } = JSON.parse(stdout) as { readonly diagnostics: readonly Diagnostic[] };
  return new Set(
    diagnostics
      .filter(({ code }) => code.includes("no-restricted-imports"))
      .map(({ filename }) => filename),
  );
}

const fileOf = (from: string, to: string): string =>
  `${from}/imports-${to.replaceAll(/[^a-z-]+/g, "-")}.ts`;

test("lint refuses each import against the layers and no import along them", async () => {
  const imports = Object.keys(allowedImports).flatMap((from) =>
    layers.filter((to) => to !== from).map((to) => [from, to] as const),
  );
  const refused = await findRefused(imports);
  const wrong = imports.filter(
    ([from, to]) => refused.has(fileOf(from, to)) === allowedImports[from]?.includes(to),
  );
  expect(wrong.map(([from, to]) => `${from} -> ${to}`)).toEqual([]);
}, 60_000);

test("lint refuses the platform in domain modules", async () => {
  const modules = shared("alerts", "audit", "files", "hunts", "webhooks");
  const imports = modules.flatMap((from) =>
    ["@azure/storage-blob", "node:fs", "node:http"].map((to) => [from, to] as const),
  );
  const refused = await findRefused(imports);
  expect(imports.filter(([from, to]) => !refused.has(fileOf(from, to)))).toEqual([]);
  const allowed = await findRefused(modules.map((from) => [from, "node:crypto"] as const));
  expect([...allowed].filter((file) => file.includes("node-crypto"))).toEqual([]);
}, 60_000);
