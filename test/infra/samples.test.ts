/** The sample workflows: no secret, the right identity, the right order, and only what the API describes. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readDocument } from "../support/described-api.ts";
import { deploy, type Deployment, type ReadFile } from "./bicep/deploy.ts";
import type { Fields } from "./bicep/evaluate.ts";
import { at, rules } from "./rules.ts";
import { appUrl, audience, comesAfter, sampleRules, stepsOf, workflowOf } from "./sample-rules.ts";

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

const fromDisk: ReadFile = (file) => readFileSync(file, "utf8");
const deployed = (name: string, change: Fields = {}, read = fromDisk): Deployment =>
  deploy(`${folder}/${name}.bicep`, { ...samples[name], ...change }, read);

type RuleName = keyof typeof sampleRules;
const ruleNames = Object.keys(sampleRules) as RuleName[];
const names = Object.keys(samples);

test("every sample of the folder is tested here", () => {
  const files = readdirSync(folder).filter((file) => file.endsWith(".bicep"));
  expect(files.map((file) => file.replace(".bicep", "")).toSorted()).toEqual(names.toSorted());
});

describe.each(names)("%s", (name) => {
  test.each(ruleNames)("keeps the rule: %s", (rule) => {
    expect(sampleRules[rule](deployed(name), document)).toEqual([]);
  });

  test("describes every parameter and output", () => {
    expect(rules.described(deployed(name), { sample: {}, hunts: [], workbook: "" })).toEqual([]);
  });

  test("sends no token where Huntline asks for none", () => {
    expect(JSON.stringify(workflowOf(deployed(name, { audience: "" })).body)).not.toContain(
      audience,
    );
  });
});

describe("enrich-incident", () => {
  const deployment = deployed("enrich-incident");
  const lookUp = stepsOf(deployment).find(({ name }) => name === "look_up")?.action;

  test("reads the key, looks up, and comments, in this order", () => {
    expect(comesAfter(deployment, "look_up", "read_key")).toBe(true);
    expect(comesAfter(deployment, "comment", "look_up")).toBe(true);
    expect(comesAfter(deployment, "look_up", "comment")).toBe(false);
  });

  test("lets the engine follow the job, whose address needs no key, and asks once however often it is repeated", () => {
    expect(lookUp?.["operationOptions"]).toBeUndefined();
    expect(at(lookUp, "inputs.headers.idempotency-key")).toBe("@{workflow()['run']['name']}");
  });
});

describe("close-incident", () => {
  const deployment = deployed("close-incident");
  const step = (name: string) => stepsOf(deployment).find((each) => each.name === name);

  test("closes the alerts first, and the incident only after every one of them", () => {
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
        expect([name, earlier, comesAfter(deployment, name, earlier)]).toEqual([
          name,
          earlier,
          true,
        ]);
        expect(comesAfter(deployment, earlier, name)).toBe(false);
      }
    expect(step("close_incident")?.inside).toBe("when_all_are_closed");
    expect(step("when_all_are_closed")?.action["expression"]).toEqual({
      and: [
        { equals: ["@actions('alerts')?['status']", "Succeeded"] },
        { equals: ["@body('status')?['done']", true] },
        { equals: ["@length(coalesce(body('left_open'), createArray('unknown')))", 0] },
      ],
    });
  });

  test("goes on where the alerts could not be closed", () => {
    expect(step("outcomes")?.action.runAfter).toEqual({
      alerts: ["Succeeded", "Failed", "TimedOut"],
    });
  });

  test("keeps the incident open otherwise, and tells the outcomes in either case", () => {
    const open = step("keep_incident_open")?.action;
    expect(at(open, "inputs.body.status")).toBe("Active");
    expect(step("comment")?.action.runAfter).toEqual({
      when_all_are_closed: ["Succeeded", "Failed"],
    });
  });

  test("asks the status address itself, with the key, until nothing is waiting", () => {
    expect(step("until_settled")?.action["expression"]).toBe(
      "@equals(body('status')?['done'], true)",
    );
    for (const name of ["ask_to_close", "status"])
      expect(step(name)?.action["operationOptions"]).toBe("DisableAsyncPattern");
    expect(step("status")?.action.inputs["uri"]).toBe(
      `${appUrl}/api/alerts/verdicts/@{outputs('request')?['id']}`,
    );
  });

  test("makes the request once a run: no part of it changes when it is repeated", () => {
    expect(JSON.stringify(step("request")?.action.inputs)).not.toMatch(/utcNow|guid\(|rand\(/);
  });

  test("has a closing for each classification that a tag stands for", () => {
    const closings = Object.keys(step("closings")?.action.inputs ?? {});
    expect(closings).toEqual(
      expect.arrayContaining(Object.values(step("tags_that_close")?.action.inputs ?? {})),
    );
  });
});

describe("mail-new-rows", () => {
  const { body } = workflowOf(deployed("mail-new-rows"));
  const trigger = at(body, "properties.definition.triggers.new_exports");

  test("begins with what is new, goes on by Location, and runs once for each export", () => {
    expect(at(trigger, "inputs.uri")).toBe(
      `${appUrl}/api/hunts/office-starts-script-host/exports?after=latest`,
    );
    expect(at(trigger, "splitOn")).toBe("@triggerBody()?['exports']");
    expect(at(trigger, "recurrence")).toEqual({ frequency: "Minute", interval: 15 });
  });

  test("reads of an export only what the API tells of one", () => {
    const definition = JSON.stringify(at(body, "properties.definition.actions"));
    const read = [...definition.matchAll(/triggerBody\(\)\?\['(\w+)'\]/g)].map(([, name]) => name);
    expect(read).toContain("cursor");
    expect(Object.keys(document.components.schemas["Export"]?.["properties"] ?? {})).toEqual(
      expect.arrayContaining(read),
    );
  });

  test("has the key in one place, a parameter that nobody can read back", () => {
    expect(JSON.stringify(body).split(secret)).toHaveLength(2);
    expect(at(body, "properties.parameters.callerKey.value")).toBe(secret);
  });
});

/** One thing broken on purpose: the file, what it says, what it says then, and the rule that must notice. */
const mutants: readonly (readonly [
  title: string,
  sample: string,
  from: string,
  to: string,
  rule: RuleName,
])[] = [
  [
    "the key stands in the address",
    "mail-new-rows",
    "exports?after=latest",
    "exports?after=latest&code=abc",
    "secrets",
  ],
  [
    "the key is seen in the history",
    "mail-new-rows",
    "{ properties: ['inputs'] }",
    "{ properties: [] }",
    "secrets",
  ],
  [
    "the vault's answer is seen",
    "close-incident",
    "['inputs', 'outputs']",
    "['inputs']",
    "secrets",
  ],
  ["the key is a plain parameter", "mail-new-rows", "@secure()\n", "", "secrets"],
  [
    "a token is not asked for",
    "enrich-incident",
    "            },\n            token\n",
    "            }\n",
    "identity",
  ],
  [
    "the vault is asked without an identity",
    "enrich-incident",
    "type: 'ManagedServiceIdentity', audience: vaultAudience",
    "type: 'None'",
    "identity",
  ],
  ["a call is never repeated", "close-incident", "retryPolicy: retries\n", "", "calls"],
  [
    "an order names nobody",
    "enrich-incident",
    "runAfter: { read_key",
    "runAfter: { readkey",
    "calls",
  ],
  ["a route is none", "enrich-incident", "/api/files/stats", "/api/file/stats", "described"],
  ["a parameter is none", "mail-new-rows", "rows?top=", "rows?limit=", "described"],
  [
    "a body has a field too much",
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
    "a field is read that is none",
    "close-incident",
    "body(\\'status\\')?[\\'done\\']",
    "body(\\'status\\')?[\\'finished\\']",
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

describe("a broken sample is noticed", () => {
  test.each(mutants)("%s", (_, sample, from, to, rule) => {
    const file = `${folder}/${sample}.bicep`;
    expect(fromDisk(file)).toContain(from);
    const read: ReadFile = (path) =>
      path === file ? fromDisk(path).replace(from, to) : fromDisk(path);
    const name = sample.startsWith("modules/") ? "enrich-incident" : sample;
    const judge = (): readonly string[] => sampleRules[rule](deployed(name, {}, read), document);
    let found: readonly string[];
    try {
      found = judge();
    } catch (error) {
      found = [String(error)];
    }
    expect(found).not.toEqual([]);
  });
});
