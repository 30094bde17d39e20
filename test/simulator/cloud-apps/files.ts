/** The files resource: accepts portal tokens only; refuses applications with any permission. */
import { toJsonReply, type Reply } from "../server/exchange.ts";
import { cloudAppsFamily } from "../server/families.ts";
import { defineField, toValues } from "./define-field.ts";
import type { Fields } from "./filters.ts";
import { answerList } from "./lists.ts";
import type { GeneratedItems } from "./portal.ts";
import type { CloudAppsResource, ResourceCall } from "./resource.ts";

/** A file as the API shows it. Enums come as pairs of number and name. */
export interface CloudFile {
  readonly _id: string;
  readonly id: string;
  readonly name: string;
  readonly appId: number;
  readonly instId: number;
  readonly fileType: readonly [number, string];
  readonly fileAccessLevel: readonly [number, string];
  readonly fileStatus: readonly [number, string];
  readonly isDeleted: boolean;
  readonly isTrashed: boolean;
  readonly isQuarantined: boolean;
  readonly createdDate: number;
  readonly modifiedDate: number;
  readonly snapshotLastModifiedDate: number;
  readonly mimeType: string;
  readonly extension: string;
  readonly ownerAddress: string;
  readonly ownerOrgUnit: string | null;
  readonly collaborators: readonly {
    readonly id: string;
    readonly domain: string;
    readonly group: string | null;
  }[];
  readonly matchedPolicies: readonly string[];
  readonly labels: readonly string[];
  readonly scanLabels: readonly string[];
  readonly parentId: string;
  readonly folders: readonly string[];
}

const typeNames = [
  "OTHER",
  "DOCUMENT",
  "SPREADSHEET",
  "PRESENTATION",
  "TEXT",
  "IMAGE",
  "FOLDER",
] as const;
const accessNames = ["PRIVATE", "INTERNAL", "EXTERNAL", "PUBLIC", "PUBLIC_INTERNET"] as const;
const kinds = [
  ["docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", 1],
  ["xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 2],
  ["png", "image/png", 5],
] as const;
/** Each organizational unit with its ancestors. */
const unitAncestors: Readonly<Record<string, readonly string[]>> = {
  "/Contoso/Finance/Payroll": ["/Contoso/Finance", "/Contoso"],
  "/Contoso/Operations": ["/Contoso"],
};
const unitNames = Object.keys(unitAncestors);
const dayMs = 86_400_000;

export function drawFile(index: number, nowMs: number): CloudFile {
  const [extension, mimeType, type] = kinds[index % kinds.length] ?? kinds[0];
  const accessLevel = index % accessNames.length;
  const domain = accessLevel >= 2 ? "fabrikam.com" : "contoso.com";
  return {
    _id: (0xf00000 + index).toString(16).padStart(24, "0"),
    id: `drive-item-${index}`,
    name: `report-${index}.${extension}`,
    appId: index % 2 === 0 ? 20_892 : 15_600,
    instId: index % 5 === 4 ? 1 : 0,
    fileType: [type, typeNames[type]],
    fileAccessLevel: [accessLevel, accessNames[accessLevel] ?? "PRIVATE"],
    fileStatus: index % 9 === 8 ? [1, "TRASHED"] : [0, "EXISTS"],
    isDeleted: index % 11 === 10,
    isTrashed: index % 9 === 8,
    isQuarantined: index % 13 === 12,
    createdDate: nowMs - index * dayMs - 3 * dayMs,
    modifiedDate: nowMs - index * dayMs - 60_000,
    snapshotLastModifiedDate: nowMs - index * dayMs - dayMs,
    mimeType,
    extension,
    ownerAddress: `user${index % 6}@contoso.com`,
    ownerOrgUnit: unitNames[index % 3] ?? null,
    collaborators:
      accessLevel === 0
        ? []
        : [{ id: `user${index % 4}@${domain}`, domain, group: accessLevel === 1 ? "staff" : null }],
    matchedPolicies: index % 7 === 1 ? ["5f1b7d3c2a9e4b0012ab34cd"] : [],
    labels: index % 4 === 1 ? ["Confidential"] : [],
    scanLabels: index % 5 === 2 ? ["credit-card"] : [],
    parentId: `folder-${index % 3}`,
    folders: [`folder-${index % 3}`, "root"].slice(0, index % 2 === 0 ? 1 : 2),
  };
}

const equality = ["eq", "neq"] as const;
const settable = [...equality, "isset", "isnotset"] as const;
const instants = ["lte", "gte", "range", "lte_ndays", "gte_ndays"] as const;

const fileFields: Fields<CloudFile> = {
  service: defineField("int", equality, ({ appId }) => [appId]),
  instance: defineField("int", equality, ({ instId }) => [instId]),
  fileType: defineField("int", equality, ({ fileType }) => [fileType[0]]),
  allowDeleted: defineField("bool", ["eq"], ({ isDeleted }) =>
    isDeleted ? [true] : [true, false],
  ),
  policy: defineField(
    "text",
    ["cabinetmatchedrulesequals", "neq", "isset", "isnotset"],
    ({ matchedPolicies }) => matchedPolicies,
  ),
  filename: defineField("text", ["eq"], ({ name }) => [name]),
  modifiedDate: defineField("instant", instants, ({ modifiedDate }) => [modifiedDate]),
  createdDate: defineField("instant", instants, ({ createdDate }) => [createdDate]),
  "collaborators.entity": defineField("pk", equality, ({ collaborators }) =>
    collaborators.map(({ id }) => ({ id })),
  ),
  "collaborators.domains": defineField("text", equality, ({ collaborators }) =>
    collaborators.map(({ domain }) => domain),
  ),
  "collaborators.groups": defineField("text", equality, ({ collaborators }) =>
    collaborators.flatMap(({ group }) => toValues(group)),
  ),
  "collaborators.withDomain": defineField("text", [...equality, "deq"], ({ collaborators }) =>
    collaborators.map(({ domain }) => domain),
  ),
  "owner.entity": defineField("pk", equality, ({ ownerAddress }) => [{ id: ownerAddress }]),
  "owner.orgUnit": defineField(
    "text",
    [...settable, "descendantof", "ndescendantof"],
    ({ ownerOrgUnit }) => toValues(ownerOrgUnit),
    (unit) => unitAncestors[String(unit)] ?? [],
  ),
  sharing: defineField("int", equality, ({ fileAccessLevel }) => [fileAccessLevel[0]]),
  fileId: defineField("text", equality, ({ id }) => [id]),
  fileLabels: defineField("text", settable, ({ labels }) => labels),
  fileScanLabels: defineField("text", settable, ({ scanLabels }) => scanLabels),
  extension: defineField("text", equality, ({ extension }) => [extension]),
  mimeType: defineField("text", equality, ({ mimeType }) => [mimeType]),
  trashed: defineField("bool", ["eq"], ({ isTrashed }) => [isTrashed]),
  parentFolder: defineField("text", equality, ({ parentId }) => [parentId]),
  folder: defineField("text", equality, ({ folders }) => folders),
  quarantined: defineField("bool", ["eq"], ({ isQuarantined }) => [isQuarantined]),
  snapshotLastModifiedDate: defineField("instant", instants, (file) => [
    file.snapshotLastModifiedDate,
  ]),
};

export const createFilesResource = (files: GeneratedItems<CloudFile>): CloudAppsResource => ({
  name: "files",
  routes: [
    {
      name: "list",
      methods: ["GET", "POST"],
      path: "files/",
      action: "files",
      answer: (call) => listFiles(files, call),
    },
    {
      name: "fetch",
      methods: ["GET"],
      path: "files/{id}/",
      action: "files",
      answer: ({ exchange }) => {
        const file = files.find(exchange.params["id"] ?? "");
        return file ? toJsonReply(200, file) : cloudAppsFamily.notFound(exchange);
      },
    },
  ],
});

const listFiles = (
  files: GeneratedItems<CloudFile>,
  { exchange, behaviors }: ResourceCall,
): Reply =>
  answerList<CloudFile>(
    exchange,
    {
      items: files.list,
      fields: fileFields,
      sorts: { dateModified: ({ modifiedDate }) => modifiedDate },
      show: (file) => file,
      isWide: false,
    },
    behaviors.unknownField,
    behaviors.total,
  );
