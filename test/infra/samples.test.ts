/** Checks the sample workflows: secrets, identities, order, and calls of the API description. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readDocument } from "../support/described-api.ts";
import { deployTemplate, type Deployment, type ReadFile } from "./bicep/deploy.ts";
import type { Fields } from "./bicep/evaluate.ts";
import { valueAt, rules } from "./rules.ts";
import { appUrl, audience, isAfter, sampleRules, stepsOf, workflowOf } from "./sample-rules.ts";

const document = readDocument("openapi.json");
const folder = "infra/samples";
const playbook: Fields = { appUrl, audience, vaultName: "kv-huntline", workspaceName: "law-soc" };
const secret = "not-to-be-seen";

const samples: Readonly<Record<string, Fields>> = {
  "close-incident": playbook,
  "enrich-incident": playbook,
  "mail-new-rows": {
    appUrl,
    audience,
    hunt: "office-starts-script-host",
    callerKey: secret,
    sender: "soc@contoso.com",
    recipients: ["tier1@contoso.com"],
  },
};

const readFromDisk: ReadFile = (file) => readFileSync(file, "utf8");
const deploySample = (name: string, change: Fields = {}, read = readFromDisk): Deployment =>
  deployTemplate(`${folder}/${name}.bicep`, { ...samples[name], ...change }, read);

type RuleName = keyof typeof sampleRules;
const ruleNames = Object.keys(sampleRules) as RuleName[];
const names = Object.keys(samples);

test("this test covers every sample of the folder", () => {
  const files = readdirSync(folder).filter((file) => file.endsWith(".bicep"));
  expect(files.map((file) => file.replace(".bicep", "")).toSorted()).toEqual(names.toSorted());
});

describe.each(names)("%s", (name) => {
  test.each(ruleNames)("keeps the rule: %s", (rule) => {
    expect(sampleRules[rule](deploySample(name), document)).toEqual([]);
  });

  test("describes every parameter and output", () => {
    expect(rules.described(deploySample(name), { sample: {}, hunts: [], workbook: "" })).toEqual(
      [],
    );
  });

  test("sends no token when Huntline requires none", () => {
    expect(JSON.stringify(workflowOf(deploySample(name, { audience: "" })).body)).not.toContain(
      audience,
    );
  });
});

describe("enrich-incident", () => {
  const deployment = deploySample("enrich-incident");
  const lookUp = stepsOf(deployment).find(({ name }) => name === "look_up")?.action;

  test("reads the key, looks up, and comments, in this order", () => {
    expect(isAfter(deployment, "look_up", "read_key")).toBe(true);
    expect(isAfter(deployment, "comment", "look_up")).toBe(true);
    expect(isAfter(deployment, "look_up", "comment")).toBe(false);
  });

  test("follows the job by its pre-signed address and sends a repeated request once", () => {
    expect(lookUp?.["operationOptions"]).toBeUndefined();
    expect(valueAt(lookUp, "inputs.headers.idempotency-key")).toBe("@{workflow()['run']['name']}");
  });
});

describe("close-incident", () => {
  const deployment = deploySample("close-incident");
  const findStep = (name: string) => stepsOf(deployment).find((each) => each.name === name);

  test("closes the incident only after all its alerts", () => {
    const order = [
      "read_key",
      "request",
      "ask_to_close",
      "until_settled",
      "left_open",
      "close_incident",
      "comment",
    ];
    for (const [index, name] of order.entries())
      for (const earlier of order.slice(0, index)) {
        expect([name, earlier, isAfter(deployment, name, earlier)]).toEqual([name, earlier, true]);
        expect(isAfter(deployment, earlier, name)).toBe(false);
      }
    expect(findStep("close_incident")?.inside).toBe("when_all_are_closed");
    expect(findStep("when_all_are_closed")?.action["expression"]).toEqual({
      and: [
        { equals: ["@actions('alerts')?['status']", "Succeeded"] },
        { equals: ["@body('status')?['status']", "succeeded"] },
        { equals: ["@length(coalesce(body('left_open'), createArray('unknown')))", 0] },
      ],
    });
  });

  test("continues when the alerts could not be closed", () => {
    expect(findStep("outcomes")?.action.runAfter).toEqual({
      alerts: ["Succeeded", "Failed", "TimedOut"],
    });
  });

  test("keeps the incident open otherwise, and comments the outcomes in both cases", () => {
    const open = findStep("keep_incident_open")?.action;
    expect(valueAt(open, "inputs.body.status")).toBe("Active");
    expect(findStep("comment")?.action.runAfter).toEqual({
      when_all_are_closed: ["Succeeded", "Failed"],
    });
  });

  test("polls the status address with the key until no alert is waiting", () => {
    expect(findStep("until_settled")?.action["expression"]).toBe(
      "@not(equals(coalesce(body('status')?['status'], 'running'), 'running'))",
    );
    for (const name of ["ask_to_close", "status"])
      expect(findStep(name)?.action["operationOptions"]).toBe("DisableAsyncPattern");
    expect(findStep("status")?.action.inputs["uri"]).toBe(
      `${appUrl}/api/alerts/verdicts/@{outputs('request')?['id']}`,
    );
  });

  test("builds the request once a run, so that a repeated one is equal", () => {
    expect(JSON.stringify(findStep("request")?.action.inputs)).not.toMatch(/utcNow|guid\(|rand\(/);
  });

  test("has a verdict for the classification of each tag", () => {
    const closings = Object.keys(findStep("closings")?.action.inputs ?? {});
    expect(closings).toEqual(
      expect.arrayContaining(Object.values(findStep("tags_that_close")?.action.inputs ?? {})),
    );
  });
});

describe("mail-new-rows", () => {
  const { body } = workflowOf(deploySample("mail-new-rows"));
  const trigger = valueAt(body, "properties.definition.triggers.new_exports");

  test("starts with new exports, follows Location and runs once for each export", () => {
    expect(valueAt(trigger, "inputs.uri")).toBe(
      `${appUrl}/api/hunts/office-starts-script-host/exports?after=latest`,
    );
    expect(valueAt(trigger, "splitOn")).toBe("@triggerBody()?['value']");
    expect(valueAt(trigger, "recurrence")).toEqual({ frequency: "Minute", interval: 15 });
  });

  test("reads only fields of an export that the API describes", () => {
    const definition = JSON.stringify(valueAt(body, "properties.definition.actions"));
    const read = [...definition.matchAll(/triggerBody\(\)\?\['(\w+)'\]/g)].map(([, name]) => name);
    expect(read).toContain("cursor");
    expect(Object.keys(document.components.schemas["Export"]?.["properties"] ?? {})).toEqual(
      expect.arrayContaining(read),
    );
  });

  test("has the key in one secure parameter only", () => {
    expect(JSON.stringify(body).split(secret)).toHaveLength(2);
    expect(valueAt(body, "properties.parameters.callerKey.value")).toBe(secret);
  });
});

/** One mutation: title, file, original text, changed text, and the rule that must fail. */
const mutants: readonly (readonly [
  title: string,
  sample: string,
  from: string,
  to: string,
  rule: RuleName,
])[] = [
  [
    "the key is in the address",
    "mail-new-rows",
    "exports?after=latest",
    "exports?after=latest&code=abc",
    "secrets",
  ],
  [
    "the key is visible in the history",
    "mail-new-rows",
    "{ properties: ['inputs'] }",
    "{ properties: [] }",
    "secrets",
  ],
  [
    "the vault's answer is visible",
    "close-incident",
    "['inputs', 'outputs']",
    "['inputs']",
    "secrets",
  ],
  ["the key is a plain parameter", "mail-new-rows", "@secure()\n", "", "secrets"],
  [
    "a token is not requested",
    "enrich-incident",
    "            },\n            token\n",
    "            }\n",
    "identity",
  ],
  [
    "the vault is read without an identity",
    "enrich-incident",
    "type: 'ManagedServiceIdentity', audience: vaultAudience",
    "type: 'None'",
    "identity",
  ],
  ["a call has no retries", "close-incident", "retryPolicy: retries\n", "", "calls"],
  [
    "an action names an unknown predecessor",
    "enrich-incident",
    "runAfter: { read_key",
    "runAfter: { readkey",
    "calls",
  ],
  ["a route is unknown", "enrich-incident", "/api/files/stats", "/api/file/stats", "described"],
  ["a parameter is unknown", "mail-new-rows", "rows?top=", "rows?limit=", "described"],
  [
    "a body has an unknown field",
    "close-incident",
    "version: 1\n",
    "version: 1\n note: 'x'\n",
    "described",
  ],
  [
    "a reason does not fit",
    "close-incident",
    "action: 'resolve'",
    "action: 'resolve', reason: 'other'",
    "verdicts",
  ],
  [
    "an unknown field is read",
    "close-incident",
    "body(\\'status\\')?[\\'status\\'], \\'running\\'",
    "body(\\'status\\')?[\\'finished\\'], \\'running\\'",
    "fields",
  ],
  [
    "the whole vault can be read",
    "modules/key-reader",
    "scope: vault::secret",
    "scope: vault",
    "rights",
  ],
];

describe("mutated samples", () => {
  test.each(mutants)("are refused: %s", (_, sample, from, to, rule) => {
    const file = `${folder}/${sample}.bicep`;
    expect(readFromDisk(file)).toContain(from);
    const readMutated: ReadFile = (path) =>
      path === file ? readFromDisk(path).replace(from, to) : readFromDisk(path);
    const name = sample.startsWith("modules/") ? "enrich-incident" : sample;
    const checkRule = (): readonly string[] =>
      sampleRules[rule](deploySample(name, {}, readMutated), document);
    let violations: readonly string[];
    try {
      violations = checkRule();
    } catch (error) {
      violations = [String(error)];
    }
    expect(violations).not.toEqual([]);
  });
});
