/** Rules over the templates of the sample workflows. Each rule returns what is wrong, in words. */
import { findReasonFault } from "../../shared/alerts/closures.ts";
import { verdictRequest } from "../../shared/contracts/alert-verdict.ts";
import {
  findFaults,
  listOperations,
  type Document,
  type Json,
  type Operation,
} from "../support/described-api.ts";
import type { DeployedResource, Deployment } from "./bicep/deploy.ts";
import { valueAt } from "./rules.ts";

export const appUrl = "https://func-huntline.example.net";
export const audience = "api://c0ffee";

interface Action extends Json {
  readonly type: string;
  readonly runAfter?: Readonly<Record<string, readonly string[]>>;
  readonly inputs: Json;
}

/** An action or the trigger with its position. */
export interface WorkflowStep {
  readonly name: string;
  readonly action: Action;
  /** Names of its siblings. */
  readonly beside: readonly string[];
  /** The enclosing action; `undefined` at the top. */
  readonly inside: string | undefined;
}

export const workflowOf = ({ resources }: Deployment): DeployedResource => {
  const [workflow, ...others] = resources.filter(
    ({ type }) => type === "Microsoft.Logic/workflows",
  );
  if (!workflow || others.length > 0) throw new Error("want one workflow");
  return workflow;
};

const definitionOf = (deployment: Deployment): Json =>
  valueAt(workflowOf(deployment).body, "properties.definition") as Json;

/** Lists every action, including nested ones. */
export function stepsOf(deployment: Deployment): readonly WorkflowStep[] {
  const collectSteps = (
    actions: Readonly<Record<string, Action>>,
    inside: string | undefined,
  ): WorkflowStep[] =>
    Object.entries(actions).flatMap(([name, action]) => [
      { name, action, beside: Object.keys(actions), inside },
      ...collectSteps((action["actions"] ?? {}) as Record<string, Action>, name),
      ...collectSteps((valueAt(action, "else.actions") ?? {}) as Record<string, Action>, name),
    ]);
  return collectSteps(definitionOf(deployment)["actions"] as Record<string, Action>, undefined);
}

/** Lists the trigger and the actions that make HTTP calls. */
function callsOf(deployment: Deployment): readonly WorkflowStep[] {
  const triggers = Object.entries(definitionOf(deployment)["triggers"] as Record<string, Action>);
  const first = triggers.map(([name, action]) => ({ name, action, beside: [], inside: undefined }));
  return [...first, ...stepsOf(deployment)].filter(({ action }) => action.type === "Http");
}

const isHuntlineCall = ({ action }: WorkflowStep): boolean =>
  String(action.inputs["uri"]).startsWith(appUrl);

type Rule = (deployment: Deployment, document: Document) => readonly string[];

const failUnless = (name: string, isMet: boolean, message: string): readonly string[] =>
  isMet ? [] : [`${name}: ${message}`];

/** Calls use the workflow's own identity; Huntline also gets a key and, with Entra, a token. */
const checkIdentity: Rule = (deployment) => [
  ...failUnless(
    "workflow",
    valueAt(workflowOf(deployment).body, "identity.type") === "SystemAssigned",
    "want its own identity",
  ),
  ...callsOf(deployment).flatMap((step) => {
    const { authentication, headers, uri } = step.action.inputs;
    const hasOwnIdentity = valueAt(authentication, "type") === "ManagedServiceIdentity";
    if (!isHuntlineCall(step))
      return failUnless(
        step.name,
        hasOwnIdentity && uri !== undefined,
        "want the workflow's identity",
      );
    const key = String(valueAt(headers, "x-functions-key"));
    return [
      ...failUnless(
        step.name,
        hasOwnIdentity && valueAt(authentication, "audience") === audience,
        "want a token for Huntline",
      ),
      ...failUnless(
        step.name,
        /^@(?:parameters\('callerKey'\)|\{body\('read_key'\)\?\['value'\]\})$/.test(key),
        "want the key, as an expression",
      ),
    ];
  }),
];

/** No secret is in the template, in an address or in the run history. */
const checkSecrets: Rule = (deployment) => {
  const { body } = workflowOf(deployment);
  const parameters = valueAt(body, "properties.definition.parameters") as Record<
    string,
    { type: string; defaultValue?: unknown }
  >;
  const texts = JSON.stringify(definitionOf(deployment));
  const isHidden = (step: WorkflowStep, name: string): boolean =>
    (
      (valueAt(step.action, "runtimeConfiguration.secureData.properties") ?? []) as string[]
    ).includes(name);
  return [
    ...failUnless(
      "definition",
      !/listkeys|[?&](?:code|sig)=|AccountKey/i.test(texts),
      "holds a key or a way to one",
    ),
    ...Object.entries(parameters)
      .filter(([name]) => /key|secret|token/i.test(name))
      .flatMap(([name, { type, defaultValue }]) =>
        failUnless(
          name,
          type === "SecureString" && defaultValue === undefined,
          "want a SecureString without a default",
        ),
      ),
    ...callsOf(deployment)
      .filter(isHuntlineCall)
      .flatMap((step) =>
        failUnless(step.name, isHidden(step, "inputs"), "shows the key in its inputs"),
      ),
    ...stepsOf(deployment)
      .filter(({ name }) => name === "read_key")
      .flatMap((step) =>
        failUnless(
          step.name,
          isHidden(step, "inputs") && isHidden(step, "outputs"),
          "shows the key",
        ),
      ),
    ...deployment.declarations.flatMap(({ declaration }) =>
      declaration.kind === "param" && /key$/i.test(declaration.name)
        ? failUnless(
            declaration.name,
            declaration.decorators.some((each) => each.kind === "call" && each.name === "secure"),
            "want @secure()",
          )
        : [],
    ),
  ];
};

/** Each call has a bounded number of retries and names its predecessors. */
const checkCalls: Rule = (deployment) => [
  ...callsOf(deployment).flatMap(({ name, action }) =>
    failUnless(
      name,
      valueAt(action.inputs, "retryPolicy.type") === "exponential",
      "want a retry policy",
    ),
  ),
  ...stepsOf(deployment).flatMap(({ name, action, beside }) => [
    ...failUnless(name, action.runAfter !== undefined, "does not say after what it comes"),
    ...Object.keys(action.runAfter ?? {}).flatMap((each) =>
      failUnless(name, beside.includes(each), `comes after ${each}, which is not beside it`),
    ),
  ]),
];

/** Tells whether one step has ended when the other begins; nested steps end with their scope. */
export function isAfter(deployment: Deployment, later: string, earlier: string): boolean {
  const steps = new Map(stepsOf(deployment).map((step) => [step.name, step]));
  const listAncestors = (name: string): readonly string[] => {
    const inside = steps.get(name)?.inside;
    return inside === undefined ? [name] : [name, ...listAncestors(inside)];
  };
  const ends = listAncestors(earlier).filter((name) => !listAncestors(later).includes(name));
  const isReachable = (name: string): boolean =>
    listAncestors(name).some((each) =>
      Object.keys(steps.get(each)?.action.runAfter ?? {}).some(
        (before) => ends.includes(before) || isReachable(before),
      ),
    );
  return steps.has(earlier) && isReachable(later);
}

/** Fills in the expressions of an address. */
const fillExpressions = (text: string): string => text.replaceAll(/@\{(?:[^{}']|'[^']*')*\}/g, "x");

function findOperation({ name, action }: WorkflowStep, document: Document): Operation {
  const url = new URL(fillExpressions(String(action.inputs["uri"])));
  const method = String(action.inputs["method"]).toLowerCase();
  const match = listOperations(document).find(
    (each) =>
      each.method === method &&
      new RegExp(`^/api${each.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(url.pathname),
  );
  if (!match) throw new Error(`${name}: no function has ${method} ${url.pathname}`);
  return match.operation;
}

/** Routes, parameters, headers and bodies are those of the API description. */
const checkDescriptions: Rule = (deployment, document) =>
  callsOf(deployment)
    .filter(isHuntlineCall)
    .flatMap((step) => {
      const { parameters = [], requestBody } = findOperation(step, document);
      const queryNames = [
        ...new URL(fillExpressions(String(step.action.inputs["uri"]))).searchParams.keys(),
      ];
      const headerNames = Object.keys(step.action.inputs["headers"] ?? {});
      const known = new Set([
        "content-type",
        "x-functions-key",
        ...parameters.map(({ name }) => name.toLowerCase()),
      ]);
      const bodies = bodiesOf(step, deployment);
      const schema = requestBody?.content["application/json"]?.schema;
      return [
        ...[...queryNames, ...headerNames].flatMap((each) =>
          failUnless(step.name, known.has(each.toLowerCase()), `${each} is not described`),
        ),
        ...failUnless(
          step.name,
          (schema === undefined) === (bodies.length === 0),
          "want a body exactly where one is described",
        ),
        ...bodies.flatMap((body) => {
          const faults = schema && findFaults(body, schema, document);
          return failUnless(step.name, faults === undefined, JSON.stringify(faults));
        }),
      ];
    });

/** Returns a sample value for an expression. */
const samples: Readonly<Record<string, unknown>> = {
  alertIds: ["603e4f1b2c3d4e5f60718293"],
  requestedAt: "2026-11-22T08:00:00.1234567Z",
};

const fillSamples = (fields: Json): Json =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      samples[name] ?? (typeof value === "string" ? fillExpressions(value) : value),
    ]),
  );

const findComposed = (deployment: Deployment, name: string): Json =>
  stepsOf(deployment).find((step) => step.name === name)?.action.inputs ?? {};

/** Lists the bodies that a call may send, with expressions filled in. */
function bodiesOf({ action, name }: WorkflowStep, deployment: Deployment): readonly unknown[] {
  const { body } = action.inputs;
  if (body === undefined) return [];
  if (body === "@union(outputs('request'), outputs('closing')?['verdict'])")
    return Object.values(findComposed(deployment, "closings")).map((closing) => ({
      ...fillSamples(findComposed(deployment, "request")),
      ...(valueAt(closing, "verdict") as Json),
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

/** The app accepts every verdict that the workflow may send. */
const checkVerdicts: Rule = (deployment) =>
  callsOf(deployment)
    .filter(
      (step) =>
        isHuntlineCall(step) && String(step.action.inputs["uri"]).endsWith("/alerts/verdicts"),
    )
    .flatMap((step) => bodiesOf(step, deployment))
    .flatMap((body) => {
      const { data, error } = verdictRequest.safeParse(body);
      const fault = data ? findReasonFault(data.action, data.reason) : JSON.stringify(error.issues);
      return fault === undefined ? [] : [`${JSON.stringify(body)}: ${fault}`];
    });

/**
 * Fields that expressions read from Huntline's answers, refusals included, are in their schemas.
 */
const checkFields: Rule = (deployment, document) => {
  const text = JSON.stringify(definitionOf(deployment));
  return callsOf(deployment)
    .filter(isHuntlineCall)
    .flatMap((step) => {
      const known = Object.values(findOperation(step, document).responses).flatMap(({ content }) =>
        Object.values(content ?? {}).flatMap(({ schema }) => listFieldNames(schema, document)),
      );
      const read = text.matchAll(new RegExp(String.raw`body\('${step.name}'\)\?\['(\w+)'\]`, "g"));
      return [...read].flatMap(([, name = ""]) =>
        failUnless(step.name, known.includes(name), `its answer has no ${name}`),
      );
    });
};

const listFieldNames = ({ $ref }: Json, { components }: Document): readonly string[] =>
  Object.keys(components.schemas[String($ref).split("/").at(-1) ?? ""]?.["properties"] ?? {});

/** Roles are assigned on one secret and one workspace only. */
const checkRights: Rule = ({ resources }) =>
  resources
    .filter(({ type }) => type === "Microsoft.Authorization/roleAssignments")
    .flatMap(({ body, name, scope = "" }) => {
      const role = /[0-9a-f-]{36}/.exec(String(valueAt(body, "properties.roleDefinitionId")))?.[0];
      const expectedScopes: Readonly<Record<string, RegExp>> = {
        "4633458b-17de-408a-b874-0445c86b69e6":
          /^Microsoft\.KeyVault\/vaults\/secrets kv-huntline\/caller-key$/,
        "3e150937-b8fe-4cfb-8069-0eaf05ecd056":
          /^Microsoft\.OperationalInsights\/workspaces law-soc$/,
      };
      return [
        ...failUnless(
          name,
          expectedScopes[role ?? ""]?.test(scope) === true,
          `grants ${role} on ${scope}`,
        ),
        ...failUnless(
          name,
          String(valueAt(body, "properties.principalId")).includes("#identity"),
          "assigns it to another principal",
        ),
        ...failUnless(name, name.startsWith("guid("), "want a name made by guid()"),
      ];
    });

export const sampleRules = {
  identity: checkIdentity,
  secrets: checkSecrets,
  calls: checkCalls,
  described: checkDescriptions,
  verdicts: checkVerdicts,
  fields: checkFields,
  rights: checkRights,
} as const satisfies Record<string, Rule>;
