/**
 * `npm run azure` with a stand-in for the Azure CLI: a program on the PATH that answers from a
 * table, keeps what it is given and logs its arguments.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runAz } from "../../../shared/cli/azure/az.ts";
import { checkApp } from "../../../shared/cli/azure/check.ts";
import { finishProvisioning, printNextSteps } from "../../../shared/cli/azure/hooks.ts";
import { grantRoles } from "../../../shared/cli/azure/roles.ts";
import { makeSecrets, type SecretsRequest } from "../../../shared/cli/azure/secrets.ts";
import { startStack } from "../../support/stack.ts";

/** Answers by the first line of `answers` whose words the command line contains. */
const fakeAz = `#!${process.execPath}
const { appendFileSync, copyFileSync, readFileSync } = require("node:fs");
const folder = __dirname, args = process.argv.slice(2), line = args.join(" ");
appendFileSync(folder + "/calls", line + "\\n");
const valueOf = (name) => args[args.indexOf(name) + 1];
if (line.includes("secret set")) copyFileSync(valueOf("--file"), folder + "/value-" + valueOf("--name"));
if (args.includes("--body")) copyFileSync(valueOf("--body").slice(1), folder + "/body-" + Date.now());
const count = readFileSync(folder + "/calls", "utf8").trim().split("\\n").length;
const { answer, error, until } = JSON.parse(readFileSync(folder + "/answers.json", "utf8"))
  .find(({ words, until = Infinity }) => line.includes(words) && count <= until) ?? {};
if (error) { console.error(error); process.exit(1); }
if (answer !== undefined) console.log(JSON.stringify(answer));
`;

interface Answer {
  readonly words: string;
  readonly answer?: unknown;
  readonly error?: string;
  /** The answer is given up to this call. */
  readonly until?: number;
}

let folder: string;
const printed: string[] = [];
const output = {
  line: (text: string) => void printed.push(text),
  error: (text: string) => void printed.push(text),
  progress: () => undefined,
};
const sleptMs: number[] = [];
const deps = {
  az: runAz,
  output,
  sleep: (ms: number) => Promise.resolve(void sleptMs.push(ms)),
  now: () => Date.UTC(2026, 0, 1),
};

function answerWith(...answers: readonly Answer[]): void {
  writeFileSync(join(folder, "answers.json"), JSON.stringify(answers));
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "huntline-az-"));
  writeFileSync(join(folder, "az"), fakeAz);
  chmodSync(join(folder, "az"), 0o755);
  vi.stubEnv("PATH", `${folder}:${process.env["PATH"] ?? ""}`);
  answerWith({ words: "secret list", answer: [] });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
  printed.length = 0;
  sleptMs.length = 0;
});

const readCalls = (): string => readFileSync(join(folder, "calls"), "utf8");
const readKept = (prefix: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix))
      .map((name) => [name.slice(prefix.length), readFileSync(join(folder, name), "utf8")]),
  );
const request: SecretsRequest = { vault: "kv-x", asksForToken: false, sources: [], renewed: [] };

describe("npm run azure -- secrets", () => {
  test("creates random keys that appear nowhere but in the vault", async () => {
    await makeSecrets(deps, { ...request, sources: ["sentinel"] });
    const values = readKept("value-");
    expect(Object.keys(values).toSorted()).toEqual([
      "audit-key",
      "job-key",
      "queue-key",
      "webhook-sentinel",
    ]);
    const all = Object.values(values);
    expect(all.map((value) => Buffer.from(value, "base64").length)).toEqual([32, 32, 32, 32]);
    expect(new Set(all).size).toBe(4);
    const visibleText = readCalls() + printed.join("\n");
    expect(all.filter((value) => visibleText.includes(value))).toEqual([]);
  });

  test("gives each secret its expiry", async () => {
    await makeSecrets(deps, request);
    const expiries = [...readCalls().matchAll(/--name (\S+) .*--expires (\S+)/g)];
    expect(expiries.map(([, name, day]) => [name, day])).toEqual([
      ["audit-key", "2028-12-31T00:00:00Z"],
      ["job-key", "2027-01-01T00:00:00Z"],
      ["queue-key", "2027-01-01T00:00:00Z"],
    ]);
  });

  test("keeps the secrets that exist and renews the one that is named", async () => {
    answerWith({ words: "secret list", answer: ["audit-key", "job-key", "queue-key"] });
    await makeSecrets(deps, { ...request, renewed: ["job-key"] });
    expect(Object.keys(readKept("value-"))).toEqual(["job-key"]);
    expect(printed).toEqual(["audit-key: kept", "job-key: created", "queue-key: kept"]);
  });

  test.each([
    [{ sources: ["a b"] }, "--webhook must be a source such as sentinel."],
    [
      { renewed: ["cloud-apps-token"] },
      "--renew must be audit-key, job-key, queue-key or webhook-<source>.",
    ],
  ])("refuses %j before it calls Azure", async (change, message) => {
    await expect(makeSecrets(deps, { ...request, ...change })).rejects.toThrow(message);
    expect(() => readCalls()).toThrow();
  });

  test("keeps the Cloud Apps token when only Enter is pressed", async () => {
    answerWith({
      words: "secret list",
      answer: ["audit-key", "job-key", "queue-key", "cloud-apps-token"],
    });
    await makeSecrets(
      { ...deps, askSecret: () => Promise.resolve("") },
      { ...request, asksForToken: true },
    );
    expect(readKept("value-")).toEqual({});
    expect(printed).toContain("cloud-apps-token: kept");
  });

  test("names the command to run where there is no terminal to ask at", async () => {
    await makeSecrets(deps, { ...request, asksForToken: true });
    expect(printed.at(-1)).toBe(
      "cloud-apps-token: not asked without a terminal. " +
        "Run: npm run azure -- secrets kv-x --cloud-apps-token",
    );
  });

  // It gives a command a terminal, which is where the command asks.
  const terminalProgram = "script";
  const hasTerminal = spawnSync(terminalProgram, ["--version"]).status === 0;

  test.runIf(hasTerminal)("stores a typed Cloud Apps token without showing it", () => {
    answerWith({ words: "secret list", answer: ["audit-key", "job-key", "queue-key"] });
    const command = `${process.execPath} shared/cli/azure.ts secrets kv-x --cloud-apps-token`;
    const { stdout } = spawnSync(terminalProgram, ["-qec", `sleep 1; ${command}`, "/dev/null"], {
      input: "c2VjcmV0\n",
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(readKept("value-")).toEqual({ "cloud-apps-token": "c2VjcmV0" });
    // The terminal itself echoes what was typed before the command started.
    expect(stdout.replace("c2VjcmV0\r\n", "") + readCalls()).not.toContain("c2VjcmV0");
    expect(stdout).toContain("cloud-apps-token: set");
  });

  test("waits while the new role has no effect yet", async () => {
    answerWith(
      { words: "secret list", error: "(Forbidden) Caller is not authorized", until: 2 },
      { words: "secret list", answer: [] },
    );
    await makeSecrets(deps, request);
    expect(sleptMs).toEqual([30_000, 30_000]);
    expect(printed[1]).toContain("has no effect yet; next attempt in 30 s (2 of 10)");
  });

  test("ends at once for any other error and names az login", async () => {
    answerWith({ words: "secret list", error: "ERROR: Please run 'az login' to setup account." });
    await expect(makeSecrets(deps, request)).rejects.toThrow(/Sign in with: az login/);
    expect(sleptMs).toEqual([]);
  });
});

describe("npm run azure -- roles", () => {
  const api = {
    id: "api-object",
    appRoles: ["ThreatHunting.Read.All", "File.Read.All"].map((value) => ({
      id: `id-of-${value}`,
      value,
      allowedMemberTypes: ["Application"],
    })),
  };
  const cloud: Answer = {
    words: "cloud show",
    answer: { endpoints: { microsoftGraphResourceId: "https://graph.microsoft.us/" } },
  };
  const roles = {
    huntingPrincipal: "hunting-object",
    grantsDefenderHunting: false,
    cloudAppsPrincipal: undefined,
  };

  test("grants what is missing in the cloud that is signed in, and keeps the rest", async () => {
    const held = { appRoleId: "id-of-ThreatHunting.Read.All", resourceId: "api-object" };
    answerWith(
      cloud,
      { words: "servicePrincipals(appId=", answer: api },
      { words: "appRoleAssignments", answer: { value: [held] } },
    );
    await grantRoles(deps, roles);
    expect(printed).toEqual(["ThreatHunting.Read.All: already granted", "File.Read.All: granted"]);
    expect(Object.values(readKept("body-")).map((text): unknown => JSON.parse(text))).toEqual([
      {
        principalId: "hunting-object",
        resourceId: "api-object",
        appRoleId: "id-of-File.Read.All",
      },
    ]);
    expect(readCalls()).toContain(
      "https://graph.microsoft.us/v1.0/servicePrincipals/hunting-object/appRoleAssignments",
    );
  });

  test("says what is missing when the tenant has no such API", async () => {
    answerWith(cloud, { words: "servicePrincipals(appId=", answer: { id: "x", appRoles: [] } });
    await expect(grantRoles(deps, roles)).rejects.toThrow(/no application role ThreatHunting/);
  });
});

describe("what azd runs", () => {
  const environment = {
    KEY_VAULT_NAME: "kv-x",
    HUNTING_PRINCIPAL_ID: "hunting-object",
    RESPONSE_PRINCIPAL_ID: "response-object",
    APP_NAME: "func-x",
    APP_URL: "https://func-x.example.net",
    AZURE_RESOURCE_GROUP: "rg-x",
  };

  test("prints the command for an administrator when the roles cannot be granted", async () => {
    answerWith(
      { words: "secret list", answer: [] },
      { words: "cloud show", error: "Insufficient privileges to complete the operation." },
    );
    await finishProvisioning(deps, { ...environment, CLOUD_APPS_AUTH: "oauth" });
    expect(printed.at(-1)).toContain("Insufficient privileges");
    expect(printed.at(-1)).toContain(
      "npm run azure -- roles hunting-object --cloud-apps response-object",
    );
    expect(printed.join("\n")).not.toContain("cloud-apps-token");
  });

  test("names an output that is missing", async () => {
    await expect(finishProvisioning(deps, { ...environment, KEY_VAULT_NAME: "" })).rejects.toThrow(
      "KEY_VAULT_NAME must be set",
    );
  });

  test("asks for the sign-in of az, which azd does not share", async () => {
    answerWith({ words: "account show", error: "not signed in" });
    await expect(finishProvisioning(deps, environment)).rejects.toThrow(/too: az login/);
  });

  test("ends with the addresses to open and three things to do", () => {
    printNextSteps(output, environment);
    expect(printed[0]).toContain("https://func-x.example.net/api/console");
    expect(printed[0]?.match(/^ {2}\d\. /gm)).toHaveLength(3);
    expect(printed[0]).toContain("npm run azure -- check rg-x func-x");
  });
});

describe("npm run azure -- check", async () => {
  const stack = await startStack();
  const host = await stack.startHost({ enableAuth: true });
  afterAll(() => stack.stop());
  const checkDeps = { output, sleep: () => sleep(100) };
  const app = { url: host.url, key: host.key ?? "", timerCount: 5 };

  test("passes for an app that runs a hunt", async () => {
    expect(await checkApp(checkDeps, app, "office-starts-script-host")).toBe(true);
    expect(printed.map((line) => line.slice(0, 4))).toEqual(["ok  ", "ok  ", "ok  ", "ok  "]);
  });

  test("fails for an app without timers and for an unknown hunt", async () => {
    expect(await checkApp(checkDeps, { ...app, timerCount: 0 }, "no-such-hunt")).toBe(false);
    expect(printed.filter((line) => line.startsWith("FAIL"))).toEqual([
      "FAIL  hunts have timers: no hunt has a timer",
      "FAIL  the hunt no-such-hunt succeeds: starting it returned 404",
    ]);
  });
});
