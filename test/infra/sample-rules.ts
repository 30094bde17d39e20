/** What a sample workflow must be, as rules over the template as it would be sent. Each rule says what is wrong, in words. */
import { reasonFault } from "../../shared/alerts/closures.ts";
import { verdictRequest } from "../../shared/contracts/alert-verdict.ts";
import {
  faultsOf,
  operationsOf,
  type Document,
  type Json,
  type Operation,
} from "../support/described-api.ts";
import type { Deployed, Deployment } from "./bicep/deploy.ts";
import { at } from "./rules.ts";

export const appUrl = "https://func-huntline.example.net";
export const audience = "api://c0ffee";

interface Action extends Json {
  readonly type: string;
  readonly runAfter?: Readonly<Record<string, readonly string[]>>;
  readonly inputs: Json;
}

/** An action or the trigger, where it stands. */
export interface Step {
  readonly name: string;
  readonly action: Action;
  /** Names of its siblings. */
  readonly beside: readonly string[];
  /** The action that it lies in; undefined at the top. */
  readonly inside: string | undefined;
}

export const workflowOf = ({ resources }: Deployment): Deployed => {
  const [workflow, ...others] = resources.filter(
    ({ type }) => type === "Microsoft.Logic/workflows",
  );
  if (!workflow || others.length > 0) throw new Error("want one workflow");
  return workflow;
};

const definitionOf = (deployment: Deployment): Json =>
  at(workflowOf(deployment).body, "properties.definition") as Json;

/** Every action, also those inside others. */
export function stepsOf(deployment: Deployment): readonly Step[] {
  const inner = (actions: Readonly<Record<string, Action>>, inside: string | undefined): Step[] =>
    Object.entries(actions).flatMap(([name, action]) => [
      { name, action, beside: Object.keys(actions), inside },
      ...inner((action["actions"] ?? {}) as Record<string, Action>, name),
      ...inner((at(action, "else.actions") ?? {}) as Record<string, Action>, name),
    ]);
  return inner(definitionOf(deployment)["actions"] as Record<string, Action>, undefined);
}

/** The trigger and every action that calls something over HTTP. */
function callsOf(deployment: Deployment): readonly Step[] {
  const triggers = Object.entries(definitionOf(deployment)["triggers"] as Record<string, Action>);
  const first = triggers.map(([name, action]) => ({ name, action, beside: [], inside: undefined }));
  return [...first, ...stepsOf(deployment)].filter(({ action }) => action.type === "Http");
}

const isOurs = ({ action }: Step): boolean => String(action.inputs["uri"]).startsWith(appUrl);

type Rule = (deployment: Deployment, document: Document) => readonly string[];

const said = (name: string, isRight: boolean, what: string): readonly string[] =>
  isRight ? [] : [`${name}: ${what}`];

/** The workflow's own identity proves it everywhere; Huntline asks for a key and, where Entra is on, the token. */
const identity: Rule = (deployment) => [
  ...said(
    "workflow",
    at(workflowOf(deployment).body, "identity.type") === "SystemAssigned",
    "want its own identity",
  ),
  ...callsOf(deployment).flatMap((step) => {
    const { authentication, headers, uri } = step.action.inputs;
    const own = at(authentication, "type") === "ManagedServiceIdentity";
    if (!isOurs(step))
      return said(step.name, own && uri !== undefined, "want the workflow's identity");
    const key = String(at(headers, "x-functions-key"));
    return [
      ...said(
        step.name,
        own && at(authentication, "audience") === audience,
        "want a token for Huntline",
      ),
      ...said(
        step.name,
        /^@(?:parameters\('callerKey'\)|\{body\('read_key'\)\?\['value'\]\})$/.test(key),
        "want the key, as an expression",
      ),
    ];
  }),
];

/** Nothing secret in the template, in an address, or in the run history. */
const secrets: Rule = (deployment) => {
  const { body } = workflowOf(deployment);
  const parameters = at(body, "properties.definition.parameters") as Record<
    string,
    { type: string; defaultValue?: unknown }
  >;
  const texts = JSON.stringify(definitionOf(deployment));
  const holds = (step: Step, name: string): boolean =>
    ((at(step.action, "runtimeConfiguration.secureData.properties") ?? []) as string[]).includes(
      name,
    );
  return [
    ...said(
      "definition",
      !/listkeys|[?&](?:code|sig)=|AccountKey/i.test(texts),
      "holds a key or a way to one",
    ),
    ...Object.entries(parameters)
      .filter(([name]) => /key|secret|token/i.test(name))
      .flatMap(([name, { type, defaultValue }]) =>
        said(
          name,
          type === "SecureString" && defaultValue === undefined,
          "want a SecureString without a default",
        ),
      ),
    ...callsOf(deployment)
      .filter(isOurs)
      .flatMap((step) => said(step.name, holds(step, "inputs"), "shows the key in its inputs")),
    ...stepsOf(deployment)
      .filter(({ name }) => name === "read_key")
      .flatMap((step) =>
        said(step.name, holds(step, "inputs") && holds(step, "outputs"), "shows the key"),
      ),
    ...deployment.declarations.flatMap(({ declaration }) =>
      declaration.kind === "param" && /key$/i.test(declaration.name)
        ? said(
            declaration.name,
            declaration.decorators.some((each) => each.kind === "call" && each.name === "secure"),
            "want @secure()",
          )
        : [],
    ),
  ];
};

/** Each call is repeated a bounded number of times, and says after what it comes. */
const calls: Rule = (deployment) => [
  ...callsOf(deployment).flatMap(({ name, action }) =>
    said(name, at(action.inputs, "retryPolicy.type") === "exponential", "want a retry policy"),
  ),
  ...stepsOf(deployment).flatMap(({ name, action, beside }) => [
    ...said(name, action.runAfter !== undefined, "does not say after what it comes"),
    ...Object.keys(action.runAfter ?? {}).flatMap((each) =>
      said(name, beside.includes(each), `comes after ${each}, which is not beside it`),
    ),
  ]),
];

/** Whether one step has ended, in whatever way, when the other begins; what lies in a scope ends with it. */
export function comesAfter(deployment: Deployment, later: string, earlier: string): boolean {
  const steps = new Map(stepsOf(deployment).map((step) => [step.name, step]));
  const around = (name: string): readonly string[] => {
    const inside = steps.get(name)?.inside;
    return inside === undefined ? [name] : [name, ...around(inside)];
  };
  const ends = around(earlier).filter((name) => !around(later).includes(name));
  const reach = (name: string): boolean =>
    around(name).some((each) =>
      Object.keys(steps.get(each)?.action.runAfter ?? {}).some(
        (before) => ends.includes(before) || reach(before),
      ),
    );
  return steps.has(earlier) && reach(later);
}

/** An address with its expressions filled in. */
const filled = (text: string): string => text.replaceAll(/@\{(?:[^{}']|'[^']*')*\}/g, "x");

export function operationOf({ name, action }: Step, document: Document): Operation {
  const url = new URL(filled(String(action.inputs["uri"])));
  const method = String(action.inputs["method"]).toLowerCase();
  const found = operationsOf(document).find(
    (each) =>
      each.method === method &&
      new RegExp(`^/api${each.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(url.pathname),
  );
  if (!found) throw new Error(`${name}: no door is ${method} ${url.pathname}`);
  return found.operation;
}

/** Routes, parameters, headers and bodies are those of the description. */
const described: Rule = (deployment, document) =>
  callsOf(deployment)
    .filter(isOurs)
    .flatMap((step) => {
      const { parameters = [], requestBody } = operationOf(step, document);
      const given = [...new URL(filled(String(step.action.inputs["uri"]))).searchParams.keys()];
      const heads = Object.keys(step.action.inputs["headers"] ?? {});
      const known = new Set([
        "content-type",
        "x-functions-key",
        ...parameters.map(({ name }) => name.toLowerCase()),
      ]);
      const bodies = bodiesOf(step, deployment);
      const schema = requestBody?.content["application/json"]?.schema;
      return [
        ...[...given, ...heads].flatMap((each) =>
          said(step.name, known.has(each.toLowerCase()), `${each} is not described`),
        ),
        ...said(
          step.name,
          (schema === undefined) === (bodies.length === 0),
          "want a body exactly where one is described",
        ),
        ...bodies.flatMap((body) => {
          const faults = schema && faultsOf(body, schema, document);
          return said(step.name, faults === undefined, JSON.stringify(faults));
        }),
      ];
    });

/** What stands for the value of an expression. */
const samples: Readonly<Record<string, unknown>> = {
  alertIds: ["603e4f1b2c3d4e5f60718293"],
  requestedAt: "2026-11-22T08:00:00.1234567Z",
};

const sampled = (fields: Json): Json =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      samples[name] ?? (typeof value === "string" ? filled(value) : value),
    ]),
  );

const composed = (deployment: Deployment, name: string): Json =>
  stepsOf(deployment).find((step) => step.name === name)?.action.inputs ?? {};

/** The bodies that a call may send, expressions filled in. */
function bodiesOf({ action, name }: Step, deployment: Deployment): readonly unknown[] {
  const { body } = action.inputs;
  if (body === undefined) return [];
  if (body === "@union(outputs('request'), outputs('closing')?['verdict'])")
    return Object.values(composed(deployment, "closings")).map((closing) => ({
      ...sampled(composed(deployment, "request")),
      ...(at(closing, "verdict") as Json),
    }));
  if (
    body === "@coalesce(triggerBody()?['object']?['properties']?['relatedEntities'], createArray())"
  )
    return [
      [],
      [{ kind: "FileHash", properties: { algorithm: "SHA1", hashValue: "0".repeat(40) } }],
    ];
  throw new Error(`${name}: this test does not know what ${JSON.stringify(body)} sends`);
}

/** The desk itself takes every verdict that the workflow may ask for. */
const verdicts: Rule = (deployment) =>
  callsOf(deployment)
    .filter(
      (step) => isOurs(step) && String(step.action.inputs["uri"]).endsWith("/alerts/verdicts"),
    )
    .flatMap((step) => bodiesOf(step, deployment))
    .flatMap((body) => {
      const { data, error } = verdictRequest.safeParse(body);
      const fault = data ? reasonFault(data.action, data.reason) : JSON.stringify(error.issues);
      return fault === undefined ? [] : [`${JSON.stringify(body)}: ${fault}`];
    });

/** Fields that expressions read from Huntline's answers, refusals included, are in their schemas. */
const fields: Rule = (deployment, document) => {
  const text = JSON.stringify(definitionOf(deployment));
  return callsOf(deployment)
    .filter(isOurs)
    .flatMap((step) => {
      const known = Object.values(operationOf(step, document).responses).flatMap(({ content }) =>
        Object.values(content ?? {}).flatMap(({ schema }) => namesIn(schema, document)),
      );
      const read = text.matchAll(new RegExp(String.raw`body\('${step.name}'\)\?\['(\w+)'\]`, "g"));
      return [...read].flatMap(([, name = ""]) =>
        said(step.name, known.includes(name), `its answer has no ${name}`),
      );
    });
};

const namesIn = ({ $ref }: Json, { components }: Document): readonly string[] =>
  Object.keys(components.schemas[String($ref).split("/").at(-1) ?? ""]?.["properties"] ?? {});

/** Rights: one secret, one workspace, nothing in between. */
const rights: Rule = ({ resources }) =>
  resources
    .filter(({ type }) => type === "Microsoft.Authorization/roleAssignments")
    .flatMap(({ body, name, scope = "" }) => {
      const role = /[0-9a-f-]{36}/.exec(String(at(body, "properties.roleDefinitionId")))?.[0];
      const wanted: Readonly<Record<string, RegExp>> = {
        "4633458b-17de-408a-b874-0445c86b69e6":
          /^Microsoft\.KeyVault\/vaults\/secrets kv-huntline\/caller-key$/,
        "3e150937-b8fe-4cfb-8069-0eaf05ecd056":
          /^Microsoft\.OperationalInsights\/workspaces law-soc$/,
      };
      return [
        ...said(name, wanted[role ?? ""]?.test(scope) === true, `grants ${role} on ${scope}`),
        ...said(
          name,
          String(at(body, "properties.principalId")).includes("#identity"),
          "grants it to somebody else",
        ),
        ...said(name, name.startsWith("guid("), "want a name made by guid()"),
      ];
    });

export const sampleRules = {
  identity,
  secrets,
  calls,
  described,
  verdicts,
  fields,
  rights,
} as const satisfies Record<string, Rule>;
