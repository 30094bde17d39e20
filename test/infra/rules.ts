/** What a deployment of Huntline must be, as rules over the resources that would be sent. Each rule says what is wrong, in words. */
import { events } from "../../shared/runtime/log.ts";
import { queueNames } from "../../shared/storage/record-store.ts";
import { settingsSchema } from "../../shared/runtime/settings.ts";
import type { Deployed, Deployment } from "./bicep/deploy.ts";

export type Rule = (deployment: Deployment, surroundings: Surroundings) => readonly string[];

/** What the templates are compared with. */
export interface Surroundings {
  /** Settings of `local.settings.sample.json`. */
  readonly sample: Readonly<Record<string, string>>;
  /** Enabled hunts that an alert rule can watch. */
  readonly hunts: readonly { readonly name: string; readonly overdueAfterMinutes: number }[];
  /** Text of the workbook. */
  readonly workbook: string;
}

type Tree = unknown;

/** A value deep in a body; undefined where the way ends. */
export function at(tree: Tree, path: string): Tree {
  return path
    .split(".")
    .reduce<Tree>(
      (value, name) => (value as Record<string, unknown> | null | undefined)?.[name],
      tree,
    );
}

const ofType = ({ resources }: Deployment, type: string): readonly Deployed[] =>
  resources.filter((each) => each.type === type);

const last = (name: string): string => name.split("/").at(-1) ?? name;
const namesOf = (resources: readonly Deployed[]): readonly string[] =>
  resources.map(({ name }) => last(name));

/** Every value that differs from the wanted one. */
const wants = (resource: Deployed, values: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(values)
    .filter(([path, want]) => at(resource.body, `properties.${path}`) !== want)
    .map(([path, want]) => `${resource.name}: want ${path} ${String(want)}`);

const differences = (
  what: string,
  have: readonly string[],
  want: readonly string[],
): readonly string[] => [
  ...want.filter((each) => !have.includes(each)).map((each) => `${what}: ${each} is missing`),
  ...have.filter((each) => !want.includes(each)).map((each) => `${what}: ${each} is too much`),
];

/** X24: storage without keys and public access, TLS, soft delete, versions. */
const storage: Rule = (deployment) => [
  ...ofType(deployment, "Microsoft.Storage/storageAccounts").flatMap((account) =>
    wants(account, {
      allowBlobPublicAccess: false,
      allowCrossTenantReplication: false,
      allowSharedKeyAccess: false,
      isLocalUserEnabled: false,
      isSftpEnabled: false,
      minimumTlsVersion: "TLS1_2",
      supportsHttpsTrafficOnly: true,
    }),
  ),
  ...ofType(deployment, "Microsoft.Storage/storageAccounts/blobServices").flatMap((blobs) =>
    wants(blobs, {
      "deleteRetentionPolicy.enabled": true,
      "containerDeleteRetentionPolicy.enabled": true,
      isVersioningEnabled: blobs.name.includes("data"),
    }),
  ),
  ...ofType(deployment, "Microsoft.Storage/storageAccounts/blobServices/containers").flatMap(
    (container) => wants(container, { publicAccess: "None" }),
  ),
];

/** X24: nobody changes or deletes an audit record. */
const immutableAudit: Rule = (deployment) => {
  const policies = ofType(
    deployment,
    "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies",
  );
  const own = policies.filter(({ name }) => name.endsWith("/audit/default"));
  const days = Number(at(own[0]?.body, "properties.immutabilityPeriodSinceCreationInDays"));
  return [
    ...differences(
      "immutable containers",
      policies.map(({ name }) => name.split("/").at(-2) ?? ""),
      ["audit"],
    ),
    ...(days >= 35 ? [] : ["audit: want at least 35 immutable days"]),
  ];
};

/** Containers and queues are those that the code names. */
const stores: Rule = (deployment) => {
  const data = ({ name }: Deployed): boolean => name.includes("data");
  const poisoned = queueNames
    .filter((name) => name !== "hunt-results")
    .map((name) => `${name}-poison`);
  return [
    ...differences(
      "containers",
      namesOf(
        ofType(deployment, "Microsoft.Storage/storageAccounts/blobServices/containers").filter(
          data,
        ),
      ),
      ["exports", "state", "audit", "dead-letters"],
    ),
    ...differences(
      "queues",
      namesOf(ofType(deployment, "Microsoft.Storage/storageAccounts/queueServices/queues")),
      [...queueNames, ...poisoned],
    ),
  ];
};

const roleNames: Readonly<Record<string, string>> = {
  "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
  "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
  "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
  "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
  "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
  "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
  "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
};

/** `host: Storage Blob Data Owner on huntlihost…` */
function grantOf(assignment: Deployed): string {
  const role = String(at(assignment.body, "properties.roleDefinitionId"));
  const id = /[0-9a-f-]{36}/.exec(role)?.[0];
  const who =
    /id-huntline-(\w+)#/.exec(String(at(assignment.body, "properties.principalId")))?.[1] ??
    "somebody";
  const named = id === undefined ? "own role" : (roleNames[id] ?? id);
  const [type = "", name = ""] = (assignment.scope ?? "the resource group").split(" ");
  return `${who}: ${named} on ${last(type)} ${last(name)}`;
}

/** X25: every right that is needed, on no more than it is needed for. */
const rights: Rule = (deployment) => {
  const assignments = ofType(deployment, "Microsoft.Authorization/roleAssignments");
  const worked = queueNames
    .filter((name) => name !== "hunt-results")
    .flatMap((name) => [name, `${name}-poison`]);
  const data = ["exports", "state", "audit", "dead-letters"];
  const loose = assignments.filter(
    ({ body, name }) =>
      !name.startsWith("guid(") || at(body, "properties.principalType") === undefined,
  );
  return [
    ...loose.map(({ name }) => `${name}: want a name made by guid() and a principalType`),
    ...differences("rights", assignments.map(grantOf), [
      "host: Storage Blob Data Owner on storageAccounts huntlihostabcdefghijklm",
      ...data.map((name) => `host: Storage Blob Data Contributor on containers ${name}`),
      ...worked.map((name) => `host: Storage Queue Data Contributor on queues ${name}`),
      "host: Storage Queue Data Message Sender on queues hunt-results",
      "host: Monitoring Metrics Publisher on components appi-huntline",
      "act: Key Vault Secrets User on vaults kv-huntli-abcdefghijklm",
      "tick: own role on sites func-huntline-abcdefghijklm",
    ]),
    ...ofType(deployment, "Microsoft.Authorization/roleDefinitions").flatMap(({ body }) =>
      differences("own role", at(body, "properties.permissions.0.actions") as string[], [
        "Microsoft.Web/sites/functions/listkeys/action",
      ]),
    ),
  ];
};

/** X26: https only, no FTP, no debugger, no basic publishing, nobody in the admin addresses. */
const app: Rule = (deployment) => [
  ...ofType(deployment, "Microsoft.Web/sites").flatMap((site) =>
    wants(site, {
      httpsOnly: true,
      sshEnabled: false,
      functionsRuntimeAdminIsolationEnabled: true,
      "siteConfig.ftpsState": "Disabled",
      "siteConfig.minTlsVersion": "1.2",
      "siteConfig.remoteDebuggingEnabled": false,
      "siteConfig.scmMinTlsVersion": "1.2",
      "siteConfig.cors.allowedOrigins.length": 0,
      "functionAppConfig.deployment.storage.authentication.type": "UserAssignedIdentity",
    }),
  ),
  ...differences(
    "publishing",
    ofType(deployment, "Microsoft.Web/sites/basicPublishingCredentialsPolicies")
      .filter(({ body }) => at(body, "properties.allow") === false)
      .map(({ name }) => last(name)),
    ["ftp", "scm"],
  ),
];

/** Settings that Flex Consumption refuses, or that would bring a stored secret back. */
const forbidden =
  /^(?:FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_CONTENT.*|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|WEBSITE_TIME_ZONE|TZ|WEBSITE_NODE_DEFAULT_VERSION|AzureWebJobsStorage|DataStorage|APPINSIGHTS_INSTRUMENTATIONKEY)$/;
const onlyHere = new Set(["LOGIN_URL", "GRAPH_URL", "DEFENDER_URL"]);

/** Settings of the app, the sample and the template are the same, with the same defaults. */
const settings: Rule = (deployment, { sample }) => {
  const resource = ofType(deployment, "Microsoft.Web/sites/config").find(
    ({ name }) => last(name) === "appsettings",
  );
  const set = (resource?.body["properties"] ?? {}) as Readonly<Record<string, unknown>>;
  const read = Object.keys(settingsSchema.shape);
  const deployable = read.filter((name) => !onlyHere.has(name));
  const platform = /^(?:APPLICATIONINSIGHTS_|AzureWebJobsStorage__|DataStorage__)/;
  const sampled = Object.keys(sample).filter((name) => read.includes(name));
  const unlike = deployable.filter((name) => sample[name] !== "" && sample[name] !== set[name]);
  return [
    ...differences(
      "settings of the template",
      Object.keys(set).filter((name) => !platform.test(name)),
      deployable,
    ),
    ...differences("settings of the sample", sampled, read),
    ...unlike.map((name) => `${name}: the sample and the template differ in their default`),
    ...Object.keys(set)
      .filter((name) => forbidden.test(name))
      .map((name) => `${name}: must not be set`),
  ];
};

/** The vault gives values to nobody but its readers, and keeps what is deleted. */
const vault: Rule = (deployment) => [
  ...ofType(deployment, "Microsoft.KeyVault/vaults").flatMap((each) =>
    wants(each, {
      enablePurgeProtection: true,
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      enabledForTemplateDeployment: false,
      softDeleteRetentionInDays: 90,
    }),
  ),
  ...ofType(deployment, "Microsoft.KeyVault/vaults/secrets").map(
    ({ name }) => `${name}: no secret is set from here`,
  ),
];

const wantedAges: Readonly<Record<string, number>> = {
  "state/files/": 3,
  "state/jobs/": 8,
  "state/receipts/": 8,
  "dead-letters/": 90,
};

/** X40: what has an age is deleted at that age; a log never before 35 days; verdicts and audit never. */
const retention: Rule = (deployment) => {
  const policy = ofType(deployment, "Microsoft.Storage/storageAccounts/managementPolicies")[0];
  const rules = (at(policy?.body, "properties.policy.rules") ?? []) as readonly unknown[];
  const deletes = rules.flatMap((rule) => {
    const days = at(rule, "definition.actions.baseBlob.delete.daysAfterModificationGreaterThan");
    const prefixes = at(rule, "definition.filters.prefixMatch") as readonly string[];
    return typeof days === "number" ? prefixes.map((prefix) => ({ prefix, days })) : [];
  });
  const wrong = deletes.filter(({ prefix, days }) =>
    prefix === "exports/" ? days < 35 : wantedAges[prefix] !== days,
  );
  const missing = Object.keys(wantedAges).filter(
    (prefix) => !deletes.some((each) => each.prefix === prefix),
  );
  return [
    ...wrong.map(({ prefix, days }) => `${prefix} is deleted after ${days} days`),
    ...missing.map((prefix) => `${prefix} is never deleted`),
  ];
};

/** Every event that a query compares with or looks for. */
export const eventsIn = (query: string): readonly string[] =>
  [...query.matchAll(/'([a-z]+\.[a-z]+)'|"event":"([a-z.]+)"/g)].map(
    ([, one, other]) => one ?? other ?? "",
  );

/** Events somebody must be woken by. */
const alarming = [
  "deadletter.written",
  "hunt.degraded",
  "upstream.refused",
  "quota.paused",
  "breaker.opened",
] as const;
const alarmingToo = ["audit.gap", "setting.invalid", "webhook.refused", "hunt.run"] as const;

/** The rules name events that exist, and all that must be heard of; hunts are those of the catalogue. */
const alerts: Rule = (deployment, { hunts, workbook }) => {
  const rules = ofType(deployment, "Microsoft.Insights/scheduledQueryRules");
  const queries = rules.map(({ body }) => String(at(body, "properties.criteria.allOf.0.query")));
  const named = [...queries, workbook.replaceAll('\\"', '"')].flatMap(eventsIn);
  const overdue = queries.find((query) => query.includes("datatable(")) ?? "";
  const watched = [...overdue.matchAll(/'([a-z0-9-]+)', (\d+)/g)].map(
    ([, name, minutes]) => `${name} ${minutes}`,
  );
  return [
    ...named
      .filter((name) => !Object.hasOwn(events, name))
      .map((name) => `no event is called ${name}`),
    ...[...alarming, ...alarmingToo]
      .filter((name) => !queries.flatMap(eventsIn).includes(name))
      .map((name) => `nobody hears of ${name}`),
    ...rules
      .filter(
        ({ body }) =>
          !String(at(body, "properties.actions.actionGroups.0")).includes("ag-huntline"),
      )
      .map(({ name }) => `${name}: tells nobody`),
    ...rules
      .filter(({ body }) => !String(at(body, "properties.scopes.0")).includes("/workspaces "))
      .map(({ name }) => `${name}: the tables have these names in the workspace alone`),
    ...differences(
      "watched hunts (run `npm run package` to write infra/hunts.json)",
      watched,
      hunts.map(({ name, overdueAfterMinutes }) => `${name} ${overdueAfterMinutes}`),
    ),
  ];
};

/** The second driver: the tick's own door, its own identity, no stored key. */
const tick: Rule = (deployment) => {
  const workflow = ofType(deployment, "Microsoft.Logic/workflows")[0];
  const definition = at(workflow?.body, "properties.definition");
  const recurrence = at(definition, "triggers.every_15_minutes.recurrence");
  const uri = String(at(definition, "actions.tick.inputs.uri"));
  const hidden = at(definition, "actions.read_key.runtimeConfiguration.secureData.properties");
  return [
    ...(JSON.stringify(recurrence) === '{"frequency":"Minute","interval":15}'
      ? []
      : ["tick: want every 15 minutes"]),
    ...(uri.endsWith("/api/hunts/tick") ? [] : ["tick: want POST /api/hunts/tick"]),
    ...(JSON.stringify(hidden) === '["inputs","outputs"]'
      ? []
      : ["tick: the key would be seen in the run history"]),
  ];
};

/** No secret in any output; every parameter and output says what it is. */
const described: Rule = ({ declarations }) =>
  declarations.flatMap(({ declaration, file }) => {
    if (declaration.kind !== "param" && declaration.kind !== "output") return [];
    const says = declaration.decorators.some(
      (each) => each.kind === "call" && each.name === "description",
    );
    const where = `${file}: ${declaration.name}`;
    const leaks =
      declaration.kind === "output" &&
      /list(?:keys|secrets|accountsas)/i.test(JSON.stringify(declaration.value));
    return [
      ...(says ? [] : [`${where} has no description`]),
      ...(leaks ? [`${where} is a secret`] : []),
    ];
  });

export const rules = {
  storage,
  immutableAudit,
  stores,
  rights,
  app,
  settings,
  vault,
  retention,
  alerts,
  tick,
  described,
} as const satisfies Record<string, Rule>;
