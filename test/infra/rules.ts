/** Rules over the resources of a deployment. Each rule returns what is wrong, in words. */
import { events } from "../../shared/runtime/log.ts";
import { queueNames } from "../../shared/storage/record-store.ts";
import { settingsSchema } from "../../shared/runtime/settings.ts";
import type { DeployedResource, Deployment } from "./bicep/deploy.ts";

export type Rule = (deployment: Deployment, references: References) => readonly string[];

/** What the templates are compared with. */
export interface References {
  /** Settings of `local.settings.sample.json`. */
  readonly sample: Readonly<Record<string, string>>;
  /** Enabled hunts that an alert rule can watch. */
  readonly hunts: readonly { readonly name: string; readonly overdueAfterMinutes: number }[];
  /** Text of the workbook. */
  readonly workbook: string;
}

type Tree = unknown;

/** Returns a value deep in a body; `undefined` when a part of the path is missing. */
export function valueAt(tree: Tree, path: string): Tree {
  return path
    .split(".")
    .reduce<Tree>(
      (value, name) => (value as Record<string, unknown> | null | undefined)?.[name],
      tree,
    );
}

const filterByType = ({ resources }: Deployment, type: string): readonly DeployedResource[] =>
  resources.filter((each) => each.type === type);

const lastSegment = (name: string): string => name.split("/").at(-1) ?? name;
const namesOf = (resources: readonly DeployedResource[]): readonly string[] =>
  resources.map(({ name }) => lastSegment(name));

/** Lists the values that differ from the expected ones. */
const checkValues = (
  resource: DeployedResource,
  values: Readonly<Record<string, unknown>>,
): readonly string[] =>
  Object.entries(values)
    .filter(([path, expected]) => valueAt(resource.body, `properties.${path}`) !== expected)
    .map(([path, expected]) => `${resource.name}: want ${path} ${String(expected)}`);

const listDifferences = (
  subject: string,
  actual: readonly string[],
  expected: readonly string[],
): readonly string[] => [
  ...expected
    .filter((each) => !actual.includes(each))
    .map((each) => `${subject}: ${each} is missing`),
  ...actual
    .filter((each) => !expected.includes(each))
    .map((each) => `${subject}: ${each} is unexpected`),
];

/** X24: storage has no keys and no public access; TLS, soft delete and versions are on. */
const checkStorage: Rule = (deployment) => [
  ...filterByType(deployment, "Microsoft.Storage/storageAccounts").flatMap((account) =>
    checkValues(account, {
      allowBlobPublicAccess: false,
      allowCrossTenantReplication: false,
      allowSharedKeyAccess: false,
      isLocalUserEnabled: false,
      isSftpEnabled: false,
      minimumTlsVersion: "TLS1_2",
      supportsHttpsTrafficOnly: true,
    }),
  ),
  ...filterByType(deployment, "Microsoft.Storage/storageAccounts/blobServices").flatMap((blobs) =>
    checkValues(blobs, {
      "deleteRetentionPolicy.enabled": true,
      "containerDeleteRetentionPolicy.enabled": true,
      isVersioningEnabled: blobs.name.includes("data"),
    }),
  ),
  ...filterByType(deployment, "Microsoft.Storage/storageAccounts/blobServices/containers").flatMap(
    (container) => checkValues(container, { publicAccess: "None" }),
  ),
];

/** X24: audit records cannot be changed or deleted. */
const checkImmutableAudit: Rule = (deployment) => {
  const policies = filterByType(
    deployment,
    "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies",
  );
  const auditPolicies = policies.filter(({ name }) => name.endsWith("/audit/default"));
  const days = Number(
    valueAt(auditPolicies[0]?.body, "properties.immutabilityPeriodSinceCreationInDays"),
  );
  return [
    ...listDifferences(
      "immutable containers",
      policies.map(({ name }) => name.split("/").at(-2) ?? ""),
      ["audit"],
    ),
    ...(days >= 35 ? [] : ["audit: want at least 35 immutable days"]),
  ];
};

/** Containers and queues are those of the code. */
const checkStores: Rule = (deployment) => {
  const isDataStore = ({ name }: DeployedResource): boolean => name.includes("data");
  const poisonQueues = queueNames
    .filter((name) => name !== "hunt-results")
    .map((name) => `${name}-poison`);
  return [
    ...listDifferences(
      "containers",
      namesOf(
        filterByType(
          deployment,
          "Microsoft.Storage/storageAccounts/blobServices/containers",
        ).filter(isDataStore),
      ),
      ["exports", "state", "audit", "dead-letters"],
    ),
    ...listDifferences(
      "queues",
      namesOf(filterByType(deployment, "Microsoft.Storage/storageAccounts/queueServices/queues")),
      [...queueNames, ...poisonQueues],
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

/** Describes a role assignment: `host: Storage Blob Data Owner on huntlihost…` */
function describeGrant(assignment: DeployedResource): string {
  const role = String(valueAt(assignment.body, "properties.roleDefinitionId"));
  const id = /[0-9a-f-]{36}/.exec(role)?.[0];
  const identity =
    /id-huntline-(\w+)#/.exec(String(valueAt(assignment.body, "properties.principalId")))?.[1] ??
    "unknown";
  const roleName = id === undefined ? "own role" : (roleNames[id] ?? id);
  const [type = "", name = ""] = (assignment.scope ?? "the resource group").split(" ");
  return `${identity}: ${roleName} on ${lastSegment(type)} ${lastSegment(name)}`;
}

/** X25: every role that is needed, on the smallest scope. */
const checkRights: Rule = (deployment) => {
  const assignments = filterByType(deployment, "Microsoft.Authorization/roleAssignments");
  const workedQueues = queueNames
    .filter((name) => name !== "hunt-results")
    .flatMap((name) => [name, `${name}-poison`]);
  const data = ["exports", "state", "audit", "dead-letters"];
  const loose = assignments.filter(
    ({ body, name }) =>
      !name.startsWith("guid(") || valueAt(body, "properties.principalType") === undefined,
  );
  return [
    ...loose.map(({ name }) => `${name}: want a name made by guid() and a principalType`),
    ...listDifferences("rights", assignments.map(describeGrant), [
      "host: Storage Blob Data Owner on storageAccounts huntlihostabcdefghijklm",
      ...data.map((name) => `host: Storage Blob Data Contributor on containers ${name}`),
      ...workedQueues.map((name) => `host: Storage Queue Data Contributor on queues ${name}`),
      "host: Storage Queue Data Message Sender on queues hunt-results",
      "host: Monitoring Metrics Publisher on components appi-huntline",
      "response: Key Vault Secrets User on vaults kv-huntli-abcdefghijklm",
      "tick: own role on functions start_overdue_hunts",
    ]),
    ...filterByType(deployment, "Microsoft.Authorization/roleDefinitions").flatMap(({ body }) =>
      listDifferences("own role", valueAt(body, "properties.permissions.0.actions") as string[], [
        "Microsoft.Web/sites/functions/listkeys/action",
      ]),
    ),
  ];
};

/** X26: https only, no FTP, no debugger, no basic publishing, no public admin endpoints. */
const checkApp: Rule = (deployment) => [
  ...filterByType(deployment, "Microsoft.Web/sites").flatMap((site) =>
    checkValues(site, {
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
  ...listDifferences(
    "publishing",
    filterByType(deployment, "Microsoft.Web/sites/basicPublishingCredentialsPolicies")
      .filter(({ body }) => valueAt(body, "properties.allow") === false)
      .map(({ name }) => lastSegment(name)),
    ["ftp", "scm"],
  ),
];

/** Settings that Flex Consumption refuses, or that would store a secret. */
const forbiddenSettings =
  /^(?:FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_CONTENT.*|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|WEBSITE_TIME_ZONE|TZ|WEBSITE_NODE_DEFAULT_VERSION|AzureWebJobsStorage|DataStorage|APPINSIGHTS_INSTRUMENTATIONKEY)$/;
const localOnlySettings = new Set(["LOGIN_URL", "GRAPH_URL", "DEFENDER_URL"]);

/** The app, the sample and the template have the same settings with the same defaults. */
const checkSettings: Rule = (deployment, { sample }) => {
  const resource = filterByType(deployment, "Microsoft.Web/sites/config").find(
    ({ name }) => lastSegment(name) === "appsettings",
  );
  const templateSettings = (resource?.body["properties"] ?? {}) as Readonly<
    Record<string, unknown>
  >;
  const settingNames = Object.keys(settingsSchema.shape);
  const deployable = settingNames.filter((name) => !localOnlySettings.has(name));
  const platform =
    /^(?:APPLICATIONINSIGHTS_|AzureWebJobsStorage__|DataStorage__|FUNCTIONS_REQUEST_)/;
  const sampled = Object.keys(sample).filter((name) => settingNames.includes(name));
  const mismatched = deployable.filter(
    (name) => sample[name] !== "" && sample[name] !== templateSettings[name],
  );
  return [
    ...listDifferences(
      "settings of the template",
      Object.keys(templateSettings).filter((name) => !platform.test(name)),
      deployable,
    ),
    ...listDifferences("settings of the sample", sampled, settingNames),
    ...mismatched.map((name) => `${name}: the sample and the template differ in their default`),
    ...Object.keys(templateSettings)
      .filter((name) => forbiddenSettings.test(name))
      .map((name) => `${name}: must not be set`),
  ];
};

/** Only readers get values of the vault, and deleted secrets are kept. */
const checkVault: Rule = (deployment) => [
  ...filterByType(deployment, "Microsoft.KeyVault/vaults").flatMap((each) =>
    checkValues(each, {
      enablePurgeProtection: true,
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      enabledForTemplateDeployment: false,
      softDeleteRetentionInDays: 90,
    }),
  ),
  ...filterByType(deployment, "Microsoft.KeyVault/vaults/secrets").map(
    ({ name }) => `${name}: no secret is set from here`,
  ),
];

const expectedDays: Readonly<Record<string, number>> = {
  "state/files/": 3,
  "state/jobs/": 8,
  "state/receipts/": 8,
  "dead-letters/": 90,
};

/** X40: records are deleted at their age, exports not before 35 days, verdicts and audit never. */
const checkRetention: Rule = (deployment) => {
  const policy = filterByType(
    deployment,
    "Microsoft.Storage/storageAccounts/managementPolicies",
  )[0];
  const rules = (valueAt(policy?.body, "properties.policy.rules") ?? []) as readonly unknown[];
  const deletes = rules.flatMap((rule) => {
    const days = valueAt(
      rule,
      "definition.actions.baseBlob.delete.daysAfterModificationGreaterThan",
    );
    const prefixes = valueAt(rule, "definition.filters.prefixMatch") as readonly string[];
    return typeof days === "number" ? prefixes.map((prefix) => ({ prefix, days })) : [];
  });
  const wrong = deletes.filter(({ prefix, days }) =>
    prefix === "exports/" ? days < 35 : expectedDays[prefix] !== days,
  );
  const missing = Object.keys(expectedDays).filter(
    (prefix) => !deletes.some((each) => each.prefix === prefix),
  );
  return [
    ...wrong.map(({ prefix, days }) => `${prefix} is deleted after ${days} days`),
    ...missing.map((prefix) => `${prefix} is never deleted`),
  ];
};

/** Lists the events that a query names. */
const findEvents = (query: string): readonly string[] =>
  [...query.matchAll(/'([a-z]+\.[a-z]+)'|"event":"([a-z.]+)"/g)].map(
    ([, one, other]) => one ?? other ?? "",
  );

/** Events that need an alert rule. */
const alertedEvents = [
  "deadletter.written",
  "hunt.degraded",
  "upstream.refused",
  "quota.paused",
  "breaker.opened",
] as const;
const otherAlertedEvents = ["audit.gap", "setting.invalid", "webhook.refused", "hunt.run"] as const;

/** Alert rules name events that exist, cover those that need one, and watch all hunts. */
const checkAlerts: Rule = (deployment, { hunts, workbook }) => {
  const rules = filterByType(deployment, "Microsoft.Insights/scheduledQueryRules");
  const queries = rules.map(({ body }) =>
    String(valueAt(body, "properties.criteria.allOf.0.query")),
  );
  const named = [...queries, workbook.replaceAll('\\"', '"')].flatMap(findEvents);
  const overdue = queries.find((query) => query.includes("datatable(")) ?? "";
  const watched = [...overdue.matchAll(/'([a-z0-9-]+)', (\d+)/g)].map(
    ([, name, minutes]) => `${name} ${minutes}`,
  );
  return [
    ...named
      .filter((name) => !Object.hasOwn(events, name))
      .map((name) => `no event is called ${name}`),
    ...[...alertedEvents, ...otherAlertedEvents]
      .filter((name) => !queries.flatMap(findEvents).includes(name))
      .map((name) => `no rule covers ${name}`),
    ...rules
      .filter(
        ({ body }) =>
          !String(valueAt(body, "properties.actions.actionGroups.0")).includes("ag-huntline"),
      )
      .map(({ name }) => `${name}: has no action group`),
    ...rules
      .filter(({ body }) => !String(valueAt(body, "properties.scopes.0")).includes("/workspaces "))
      .map(({ name }) => `${name}: the tables have these names in the workspace alone`),
    ...listDifferences(
      "watched hunts (run `npm run package` to write infra/hunts.json)",
      watched,
      hunts.map(({ name, overdueAfterMinutes }) => `${name} ${overdueAfterMinutes}`),
    ),
  ];
};

/** The tick calls its own function by its own identity and stores no key. */
const checkTick: Rule = (deployment) => {
  const workflow = filterByType(deployment, "Microsoft.Logic/workflows")[0];
  const definition = valueAt(workflow?.body, "properties.definition");
  const recurrence = valueAt(definition, "triggers.every_15_minutes.recurrence");
  const uri = String(valueAt(definition, "actions.tick.inputs.uri"));
  const hidden = valueAt(definition, "actions.read_key.runtimeConfiguration.secureData.properties");
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

/** No output is a secret; every parameter and output has a description. */
const checkDescriptions: Rule = ({ declarations }) =>
  declarations.flatMap(({ declaration, file }) => {
    if (declaration.kind !== "param" && declaration.kind !== "output") return [];
    const isDescribed = declaration.decorators.some(
      (each) => each.kind === "call" && each.name === "description",
    );
    const location = `${file}: ${declaration.name}`;
    const isSecret =
      declaration.kind === "output" &&
      /list(?:keys|secrets|accountsas)/i.test(JSON.stringify(declaration.value));
    return [
      ...(isDescribed ? [] : [`${location} has no description`]),
      ...(isSecret ? [`${location} is a secret`] : []),
    ];
  });

export const rules = {
  storage: checkStorage,
  immutableAudit: checkImmutableAudit,
  stores: checkStores,
  rights: checkRights,
  app: checkApp,
  settings: checkSettings,
  vault: checkVault,
  retention: checkRetention,
  alerts: checkAlerts,
  tick: checkTick,
  described: checkDescriptions,
} as const satisfies Record<string, Rule>;
