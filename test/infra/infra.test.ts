import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { listWatchedHunts } from "../../shared/build/package/watched-hunts.ts";
import { compileCatalog } from "../../shared/kql/compile/compile-catalog.ts";
import { maxBodyBytes } from "../../shared/contracts/parsed-body.ts";
import { deployTemplate, type ReadFile } from "./bicep/deploy.ts";
import type { Fields } from "./bicep/evaluate.ts";
import { valueAt, rules, type References } from "./rules.ts";

const params: Fields = { cloudAppsUrl: "https://contoso.eu.portal.cloudappsecurity.com" };
const readFromDisk: ReadFile = (file) => readFileSync(file, "utf8");

const compiled = compileCatalog("shared/hunts/catalog");
if ("problems" in compiled) throw new Error("the catalogue does not compile");

const sample = JSON.parse(readFromDisk("local.settings.sample.json")) as {
  Values: Record<string, string>;
};
const references: References = {
  sample: sample.Values,
  hunts: listWatchedHunts(compiled.catalog),
  workbook: readFromDisk("infra/modules/workbook.json"),
};

type RuleName = keyof typeof rules;
const ruleNames = Object.keys(rules) as RuleName[];

describe("the templates", () => {
  const deployment = deployTemplate("infra/main.bicep", params);

  test.each(ruleNames)("keep the rule: %s", (name) => {
    expect(rules[name](deployment, references)).toEqual([]);
  });

  test.each(ruleNames.filter((name) => name !== "rights"))(
    "keep it in the private profile with Entra: %s",
    (name) => {
      const privateDeployment = deployTemplate("infra/main.bicep", {
        ...params,
        networkProfile: "private",
        entraClientId: "c0ffee",
        keepExportsDays: 40,
      });
      expect(rules[name](privateDeployment, references)).toEqual([]);
    },
  );

  test("refuse bodies above twice the app's own limit before they are buffered", () => {
    const { resources } = deployTemplate("infra/main.bicep", params);
    const settings = resources.find(({ name }) => name.endsWith("/appsettings"));
    const limit = valueAt(settings?.body, "properties.FUNCTIONS_REQUEST_BODY_SIZE_LIMIT");
    expect(Number(limit)).toBe(2 * maxBodyBytes);
    const local = JSON.parse(readFromDisk("local.settings.sample.json")) as {
      Values: Readonly<Record<string, string>>;
    };
    expect(local.Values["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"]).toBe(limit);
  });

  test("delete exports and their versions after keepExportsDays, and none without it", () => {
    const findRules = (keepExportsDays: number): unknown => {
      const { resources } = deployTemplate("infra/main.bicep", { ...params, keepExportsDays });
      const policy = resources.find(({ type }) => type.endsWith("/managementPolicies"));
      const all = valueAt(policy?.body, "properties.policy.rules") as readonly { name: string }[];
      return all.filter(({ name }) => name === "exports");
    };
    expect(findRules(40)).toMatchObject([
      {
        definition: {
          actions: {
            baseBlob: { delete: { daysAfterModificationGreaterThan: 40 } },
            version: { delete: { daysAfterCreationGreaterThan: 40 } },
          },
        },
      },
    ]);
    expect(findRules(0)).toEqual([]);
  });

  test("close storage and vault to the public in the private profile", () => {
    const { resources } = deployTemplate("infra/main.bicep", {
      ...params,
      networkProfile: "private",
    });
    const open = resources
      .filter(
        ({ type }) =>
          type === "Microsoft.Storage/storageAccounts" || type === "Microsoft.KeyVault/vaults",
      )
      .filter(({ body }) => valueAt(body, "properties.networkAcls.defaultAction") !== "Deny");
    const groups = resources
      .filter(({ type }) => type === "Microsoft.Network/privateEndpoints")
      .map(({ body }) =>
        valueAt(body, "properties.privateLinkServiceConnections.0.properties.groupIds.0"),
      );
    expect([open, groups]).toEqual([[], ["blob", "queue", "blob", "queue", "vault"]]);
  });

  test("let jobs, health, webhooks and the console through where Entra guards the rest", () => {
    const { resources } = deployTemplate("infra/main.bicep", {
      ...params,
      entraClientId: "c0ffee",
    });
    const auth = resources.find(({ name }) => name.endsWith("/authsettingsV2"));
    expect(valueAt(auth?.body, "properties.globalValidation")).toEqual({
      requireAuthentication: true,
      unauthenticatedClientAction: "Return401",
      excludedPaths: [
        "/api/health",
        "/api/console",
        "/api/console/*",
        "/api/jobs/*",
        "/api/webhooks/*",
      ],
    });
  });

  test("refuse callers outside of the list when there is one", () => {
    const callers = [{ name: "siem", range: "203.0.113.0/24", kind: "Default" }];
    const { resources } = deployTemplate("infra/main.bicep", { ...params, callers });
    const site = resources.find(({ type }) => type === "Microsoft.Web/sites");
    expect(valueAt(site?.body, "properties.siteConfig.ipSecurityRestrictionsDefaultAction")).toBe(
      "Deny",
    );
    expect(valueAt(site?.body, "properties.siteConfig.ipSecurityRestrictions")).toHaveLength(2);
  });
});

/** One mutation: title, file, original text, changed text, and the rule that must fail. */
const mutants: readonly (readonly [
  title: string,
  file: string,
  from: string,
  to: string,
  rule: RuleName,
])[] = [
  [
    "shared keys come back",
    "data-storage",
    "allowSharedKeyAccess: false",
    "allowSharedKeyAccess: true",
    "storage",
  ],
  [
    "versions are off",
    "data-storage",
    "isVersioningEnabled: true",
    "isVersioningEnabled: false",
    "storage",
  ],
  [
    "the audit log can be changed",
    "data-storage",
    "parent: audit",
    "parent: container[1]",
    "immutableAudit",
  ],
  [
    "a queue is forgotten",
    "data-storage",
    "'file-lookups', 'alert-verdicts'",
    "'alert-verdicts'",
    "stores",
  ],
  [
    "a poison queue has another name",
    "data-storage",
    "'${each}-poison'\n  }",
    "'${each}-dead'\n  }",
    "stores",
  ],
  [
    "receipts live too long",
    "data-storage",
    "prefix: 'state/receipts/', days: 8",
    "prefix: 'state/receipts/', days: 80",
    "retention",
  ],
  [
    "verdicts are deleted",
    "data-storage",
    "prefix: 'state/jobs/'",
    "prefix: 'state/'",
    "retention",
  ],
  [
    "the host may write everywhere",
    "access",
    "scope: container[i]",
    "scope: dataStorage",
    "rights",
  ],
  [
    "the wrong identity reads secrets",
    "access",
    "principalId: responsePrincipalId",
    "principalId: hostPrincipalId",
    "rights",
  ],
  [
    "the host may read the results queue",
    "access",
    "roleDefinitionId: queueMessageSender",
    "roleDefinitionId: queueDataContributor",
    "rights",
  ],
  ["the tick may do more", "tick", "functions/listkeys/action'", "functions/*'", "rights"],
  ["plain http is taken", "app", "httpsOnly: true", "httpsOnly: false", "app"],
  [
    "basic publishing is on",
    "app",
    "properties: { allow: false }",
    "properties: { allow: true }",
    "app",
  ],
  [
    "a setting is lost",
    "app",
    "  MAX_ALERTS_PER_SOURCE_PER_DAY: string(tuning.?maxAlertsPerSourcePerDay ?? 20000)\n",
    "",
    "settings",
  ],
  [
    "a default differs",
    "app",
    "huntingCallsPerHour ?? 1500",
    "huntingCallsPerHour ?? 2000",
    "settings",
  ],
  [
    "Flex refuses a setting",
    "app",
    "  CLOUD: cloud\n",
    "  CLOUD: cloud\n  FUNCTIONS_WORKER_RUNTIME: 'node'\n",
    "settings",
  ],
  [
    "deleted secrets can be purged",
    "vault",
    "enablePurgeProtection: true",
    "enablePurgeProtection: false",
    "vault",
  ],
  [
    "an alert names no event",
    "alerts",
    "eventsBy('hunt.degraded'",
    "eventsBy('hunt.degrade'",
    "alerts",
  ],
  [
    "an alert has no action group",
    "alerts",
    "actionGroups: [actionGroupId]",
    "actionGroups: []",
    "alerts",
  ],
  ["the tick is rare", "tick", "interval: 15", "interval: 60", "tick"],
  [
    "the key is visible in the run history",
    "tick",
    "properties: ['inputs', 'outputs']",
    "properties: ['inputs']",
    "tick",
  ],
  ["a parameter is not described", "app", "@description('Version of Node.')\n", "", "described"],
];

describe("mutated templates", () => {
  test.each(mutants)("are refused: %s", (_, module, from, to, rule) => {
    const file = `infra/modules/${module}.bicep`;
    expect(readFromDisk(file)).toContain(from);
    const readMutated: ReadFile = (path) =>
      path === file ? readFromDisk(path).replace(from, to) : readFromDisk(path);
    expect(
      rules[rule](deployTemplate("infra/main.bicep", params, readMutated), references),
    ).not.toEqual([]);
  });

  test("are refused when no alert rule watches a hunt", () => {
    const withNewHunt = {
      ...references,
      hunts: [...references.hunts, { name: "new-hunt", overdueAfterMinutes: 180 }],
    };
    expect(rules.alerts(deployTemplate("infra/main.bicep", params), withNewHunt)).toHaveLength(1);
  });
});
