/**
 * For each field of each resource: what a filter may name, and the values that an item as the API
 * shows it has.
 */
import type { Item } from "../../../../shared/clients/cloud-apps/lists.ts";
import type {
  fieldTables,
  ListedResource,
} from "../../../../shared/cli/cloud-apps/parse-filter.ts";

/** Some items have the operand, some have not. */
type Sample = readonly [operand: unknown, values: (item: Item) => readonly unknown[]];

/**
 * Returns the values at a path, none where it ends early. A list in the path contributes each of
 * its elements.
 */
const readPath =
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

const readEntities =
  (...types: string[]) =>
  (item: Item): readonly unknown[] =>
    (item["entities"] as { type: string; id: unknown; inst?: number }[])
      .filter(({ type }) => types.includes(type))
      .map(({ id }) => id);

const readFirst = (path: string) => (item: Item) => readPath(path)(item).slice(0, 1);
const readFlag = (test: (item: Item) => boolean) => (item: Item) => [test(item)];

/** @param nowMs - the tenant's present; instants are taken from around the middle of its data */
export const createSamples = (
  nowMs: number,
  ids: Readonly<Record<ListedResource, string>>,
): { readonly [R in ListedResource]: Readonly<Record<keyof (typeof fieldTables)[R], Sample>> } => {
  const hour = 3_600_000;
  const daysAgoMs = (days: number) => nowMs - days * 24 * hour;
  return {
    alerts: {
      "entity.entity": [
        { id: "user3@contoso.com", saas: 11_161, inst: 0 },
        readEntities("account", "user", "device"),
      ],
      "entity.user": [
        { id: "user3@contoso.com", saas: 11_161, inst: 0 },
        readEntities("account", "user"),
      ],
      "entity.ip": ["198.51.100.4", readEntities("ip")],
      "entity.service": [11_161, readEntities("service")],
      "entity.instance": [0, readPath("entities.inst")],
      "entity.policy": [ids.alerts, readEntities("policyRule")],
      "entity.file": ["file-1", readEntities("file")],
      alertOpen: [
        true,
        readFlag(({ resolutionStatusValue }) => (resolutionStatusValue ?? 0) === 0),
      ],
      severity: [2, readPath("severityValue")],
      resolutionStatus: [3, readPath("resolutionStatusValue")],
      read: [true, readFlag(({ statusValue }) => statusValue !== 0)],
      date: [nowMs - 10 * hour, readPath("timestamp")],
      resolutionDate: [
        nowMs,
        (item) => readPath("resolveTime")(item).map((text) => Date.parse(String(text))),
      ],
      risk: [25, readPath("threatScore")],
      alertType: [15_859_717, readPath("idValue")],
      id: ["", readPath("_id")],
      source: [0, (item) => [item["isSystemAlert"] === true ? 0 : 1]],
    },
    activities: {
      service: [20_892, readPath("appId")],
      instance: [1, readPath("instance")],
      "user.orgUnit": ["Finance", readPath("user.orgUnit")],
      "user.username": ["user1@contoso.com", readPath("user.userName")],
      "user.tags": ["group-admins", readPath("user.tags")],
      "user.domain": ["contoso.com", readPath("user.domain")],
      actionType: ["FileDownloaded", readPath("actionType")],
      "activity.eventActionType": ["EVENT_ACTION_SHARE", readPath("eventActionType")],
      "activity.eventType": ["EVENT_CATEGORY_LOGIN", readPath("eventTypeName")],
      "activity.id": [ids.activities, readPath("_id")],
      "activity.alertId": ["", readPath("alertIds")],
      "activity.impersonated": [true, readPath("impersonated")],
      "activity.type": [true, readPath("isAdmin")],
      "activity.takenAction": ["block", readPath("takenAction")],
      activityObject: ["doc-3", readPath("objects")],
      "device.type": ["MOBILE", readPath("device.type")],
      "device.tags": ["compliant", readPath("device.tags")],
      "userAgent.userAgent": ["iphone", readPath("userAgent.raw")],
      "userAgent.tags": ["outdated_browser", readPath("userAgent.tags")],
      "location.country": ["BR", readPath("location.countryCode")],
      "location.organizations": ["Contoso Ltd", readPath("location.organization")],
      "ip.address": ["203.0.113.2", readPath("device.clientIP")],
      "ip.category": [4, readPath("ip.category")],
      "ip.tags": ["tor", readPath("ip.tags")],
      fileSelector: ["doc-5", readPath("files.id")],
      office365url: ["https://contoso.sharepoint.com/sites/ops/doc-5.docx", readPath("files.url")],
      fileId: ["doc-5", readPath("files.id")],
      text: ["Share file: doc-2, by user2@contoso.com", readPath("description")],
      date: [nowMs - 5 * hour, readPath("timestamp")],
      created: [0, readPath("created")],
      policy: ["5f1b7d3c2a9e4b0012ab34cd", readPath("policies")],
      source: [5, readPath("source")],
      entity: [{ id: "user1@contoso.com", saas: 11_161, inst: 0 }, readPath("entityData.0.id")],
    },
    entities: {
      type: [1, readPath("type")],
      isAdmin: [true, readPath("isAdmin")],
      entity: [{ id: "user4@contoso.com", saas: 11_161, inst: 1 }, readPath("id")],
      userGroups: ["5e1f00000000000000000001", readPath("userGroups._id")],
      app: [11_770, readPath("saas")],
      instance: [1, readPath("inst")],
      isExternal: [true, readPath("isExternal")],
      domain: ["contoso.com", readPath("domain")],
      organization: ["Fabrikam Inc", readPath("organization")],
      status: [3, readPath("status")],
    },
    files: {
      service: [15_600, readPath("appId")],
      instance: [1, readPath("instId")],
      fileType: [2, readFirst("fileType")],
      allowDeleted: [false, (item) => (item["isDeleted"] === true ? [true] : [true, false])],
      policy: ["5f1b7d3c2a9e4b0012ab34cd", readPath("matchedPolicies")],
      filename: ["report-3.docx", readPath("name")],
      modifiedDate: [daysAgoMs(20), readPath("modifiedDate")],
      createdDate: [daysAgoMs(20), readPath("createdDate")],
      "collaborators.entity": [{ id: "user1@contoso.com" }, readPath("collaborators.id")],
      "collaborators.domains": ["fabrikam.com", readPath("collaborators.domain")],
      "collaborators.groups": ["staff", readPath("collaborators.group")],
      "collaborators.withDomain": ["fabrikam.com", readPath("collaborators.domain")],
      "owner.entity": [{ id: "user2@contoso.com" }, readPath("ownerAddress")],
      "owner.orgUnit": ["/Contoso/Finance/Payroll", readPath("ownerOrgUnit")],
      sharing: [3, readFirst("fileAccessLevel")],
      fileId: ["drive-item-4", readPath("id")],
      fileLabels: ["Confidential", readPath("labels")],
      fileScanLabels: ["credit-card", readPath("scanLabels")],
      extension: ["png", readPath("extension")],
      mimeType: ["image/png", readPath("mimeType")],
      trashed: [true, readPath("isTrashed")],
      parentFolder: ["folder-1", readPath("parentId")],
      folder: ["root", readPath("folders")],
      quarantined: [true, readPath("isQuarantined")],
      snapshotLastModifiedDate: [daysAgoMs(20), readPath("snapshotLastModifiedDate")],
    },
    "ip-ranges": {
      category: [4, readPath("category")],
      tags: ["vpn", readPath("tags.id")],
      builtIn: [true, readFlag(({ _tid }) => _tid === 0)],
    },
  };
};
