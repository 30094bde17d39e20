/** For each field of each resource: what a filter may name, and the values that an item as the API shows it has. */
import type { Item } from "../../../../shared/clients/cloud-apps/lists.ts";
import type { fieldTables, Listed } from "../../../../shared/cli/cloud-apps/filter-words.ts";

/** Some items have the operand, some have not. */
type Sample = readonly [operand: unknown, values: (item: Item) => readonly unknown[]];

/** The values at a path; none where it ends early. A list on the way stands for each of its elements. */
const at =
  (path: string) =>
  (item: Item): readonly unknown[] =>
    path.split(".").reduce<readonly unknown[]>(
      (values, name) =>
        values.flatMap((value) => {
          const next: unknown = (value as Record<string, unknown>)[name];
          return next ?? [];
        }),
      [item],
    );

const entities =
  (...types: string[]) =>
  (item: Item): readonly unknown[] =>
    (item["entities"] as { type: string; id: unknown; inst?: number }[])
      .filter(({ type }) => types.includes(type))
      .map(({ id }) => id);

const first = (path: string) => (item: Item) => at(path)(item).slice(0, 1);
const is = (test: (item: Item) => boolean) => (item: Item) => [test(item)];

/** @param nowMs - the tenant's present; instants are taken from around the middle of its data */
export const samples = (
  nowMs: number,
  ids: Readonly<Record<Listed, string>>,
): { readonly [R in Listed]: Readonly<Record<keyof (typeof fieldTables)[R], Sample>> } => {
  const hour = 3_600_000;
  const file = (days: number) => nowMs - days * 24 * hour;
  return {
    alerts: {
      "entity.entity": [
        { id: "user3@contoso.com", saas: 11_161, inst: 0 },
        entities("account", "user", "device"),
      ],
      "entity.user": [
        { id: "user3@contoso.com", saas: 11_161, inst: 0 },
        entities("account", "user"),
      ],
      "entity.ip": ["198.51.100.4", entities("ip")],
      "entity.service": [11_161, entities("service")],
      "entity.instance": [0, at("entities.inst")],
      "entity.policy": [ids.alerts, entities("policyRule")],
      "entity.file": ["file-1", entities("file")],
      alertOpen: [true, is(({ resolutionStatusValue }) => (resolutionStatusValue ?? 0) === 0)],
      severity: [2, at("severityValue")],
      resolutionStatus: [3, at("resolutionStatusValue")],
      read: [true, is(({ statusValue }) => statusValue !== 0)],
      date: [nowMs - 10 * hour, at("timestamp")],
      resolutionDate: [
        nowMs,
        (item) => at("resolveTime")(item).map((text) => Date.parse(String(text))),
      ],
      risk: [25, at("threatScore")],
      alertType: [15_859_717, at("idValue")],
      id: ["", at("_id")],
      source: [0, (item) => [item["isSystemAlert"] === true ? 0 : 1]],
    },
    activities: {
      service: [20_892, at("appId")],
      instance: [1, at("instance")],
      "user.orgUnit": ["Finance", at("user.orgUnit")],
      "user.username": ["user1@contoso.com", at("user.userName")],
      "user.tags": ["group-admins", at("user.tags")],
      "user.domain": ["contoso.com", at("user.domain")],
      actionType: ["FileDownloaded", at("actionType")],
      "activity.eventActionType": ["EVENT_ACTION_SHARE", at("eventActionType")],
      "activity.eventType": ["EVENT_CATEGORY_LOGIN", at("eventTypeName")],
      "activity.id": [ids.activities, at("_id")],
      "activity.alertId": ["", at("alertIds")],
      "activity.impersonated": [true, at("impersonated")],
      "activity.type": [true, at("isAdmin")],
      "activity.takenAction": ["block", at("takenAction")],
      activityObject: ["doc-3", at("objects")],
      "device.type": ["MOBILE", at("device.type")],
      "device.tags": ["compliant", at("device.tags")],
      "userAgent.userAgent": ["iphone", at("userAgent.raw")],
      "userAgent.tags": ["outdated_browser", at("userAgent.tags")],
      "location.country": ["BR", at("location.countryCode")],
      "location.organizations": ["Contoso Ltd", at("location.organization")],
      "ip.address": ["203.0.113.2", at("device.clientIP")],
      "ip.category": [4, at("ip.category")],
      "ip.tags": ["tor", at("ip.tags")],
      fileSelector: ["doc-5", at("files.id")],
      office365url: ["https://contoso.sharepoint.com/sites/ops/doc-5.docx", at("files.url")],
      fileId: ["doc-5", at("files.id")],
      text: ["Share file: doc-2, by user2@contoso.com", at("description")],
      date: [nowMs - 5 * hour, at("timestamp")],
      created: [0, at("created")],
      policy: ["5f1b7d3c2a9e4b0012ab34cd", at("policies")],
      source: [5, at("source")],
      entity: [{ id: "user1@contoso.com", saas: 11_161, inst: 0 }, at("entityData.0.id")],
    },
    entities: {
      type: [1, at("type")],
      isAdmin: [true, at("isAdmin")],
      entity: [{ id: "user4@contoso.com", saas: 11_161, inst: 1 }, at("id")],
      userGroups: ["5e1f00000000000000000001", at("userGroups._id")],
      app: [11_770, at("saas")],
      instance: [1, at("inst")],
      isExternal: [true, at("isExternal")],
      domain: ["contoso.com", at("domain")],
      organization: ["Fabrikam Inc", at("organization")],
      status: [3, at("status")],
    },
    files: {
      service: [15_600, at("appId")],
      instance: [1, at("instId")],
      fileType: [2, first("fileType")],
      allowDeleted: [false, (item) => (item["isDeleted"] === true ? [true] : [true, false])],
      policy: ["5f1b7d3c2a9e4b0012ab34cd", at("matchedPolicies")],
      filename: ["report-3.docx", at("name")],
      modifiedDate: [file(20), at("modifiedDate")],
      createdDate: [file(20), at("createdDate")],
      "collaborators.entity": [{ id: "user1@contoso.com" }, at("collaborators.id")],
      "collaborators.domains": ["fabrikam.com", at("collaborators.domain")],
      "collaborators.groups": ["staff", at("collaborators.group")],
      "collaborators.withDomain": ["fabrikam.com", at("collaborators.domain")],
      "owner.entity": [{ id: "user2@contoso.com" }, at("ownerAddress")],
      "owner.orgUnit": ["/Contoso/Finance/Payroll", at("ownerOrgUnit")],
      sharing: [3, first("fileAccessLevel")],
      fileId: ["drive-item-4", at("id")],
      fileLabels: ["Confidential", at("labels")],
      fileScanLabels: ["credit-card", at("scanLabels")],
      extension: ["png", at("extension")],
      mimeType: ["image/png", at("mimeType")],
      trashed: [true, at("isTrashed")],
      parentFolder: ["folder-1", at("parentId")],
      folder: ["root", at("folders")],
      quarantined: [true, at("isQuarantined")],
      snapshotLastModifiedDate: [file(20), at("snapshotLastModifiedDate")],
    },
    "ip-ranges": {
      category: [4, at("category")],
      tags: ["vpn", at("tags.id")],
      builtIn: [true, is(({ _tid }) => _tid === 0)],
    },
  };
};
