/** The columns of each resource in tables and CSV; JSON has every field. */
import type { Item } from "../../clients/cloud-apps/lists.ts";
import {
  alertStatuses,
  intents,
  ipCategories,
  resolutionStatuses,
  severities,
  stories,
  wordOf,
} from "../../clients/cloud-apps/enums.ts";
import type { ListedResource } from "./parse-filter.ts";

type Column = readonly [head: string, cell: (item: Item) => unknown];

const readField = (name: string) => (item: Item) => item[name];
const readEnum = (name: string, names: Readonly<Record<number, string>>) => (item: Item) => {
  const value = item[name];
  return typeof value === "number" ? wordOf(names, value) : value;
};
/** Reads a list of numbers as words. */
const readEnumList = (name: string, names: Readonly<Record<number, string>>) => (item: Item) => {
  const values = item[name];
  return Array.isArray(values) ? values.map((value: number) => wordOf(names, value)).join(" ") : "";
};
const readTime = (name: string) => (item: Item) => {
  const value = item[name];
  return typeof value === "number"
    ? new Date(value).toISOString().slice(0, 19).replace("T", " ")
    : value;
};

const columns: Readonly<Record<ListedResource, readonly Column[]>> = {
  alerts: [
    ["time", readTime("timestamp")],
    ["severity", readEnum("severityValue", severities)],
    ["status", readEnum("statusValue", alertStatuses)],
    ["resolution", readEnum("resolutionStatusValue", resolutionStatuses)],
    ["story", readEnumList("stories", stories)],
    ["intent", readEnumList("intent", intents)],
    ["id", readField("_id")],
    ["title", readField("title")],
  ],
  activities: [
    ["time", readTime("timestamp")],
    ["id", readField("_id")],
    ["type", readField("eventTypeName")],
    ["description", readField("description")],
  ],
  entities: [
    ["id", readField("id")],
    ["type", readField("type")],
    ["name", (item) => item["displayName"] ?? item["username"]],
  ],
  files: [
    ["id", readField("_id")],
    [
      "type",
      (item) =>
        Array.isArray(item["fileType"]) ? (item["fileType"][1] as unknown) : item["fileType"],
    ],
    ["name", readField("name")],
  ],
  "ip-ranges": [
    ["id", readField("_id")],
    ["category", readEnum("category", ipCategories)],
    [
      "subnets",
      (item) =>
        Array.isArray(item["subnets"])
          ? item["subnets"].map((one: { originalString?: string }) => one.originalString).join(" ")
          : "",
    ],
    ["name", readField("name")],
  ],
};

/** Returns heads and cells. Control characters become blanks, so each row is one line. */
export function toTable(
  resource: ListedResource,
  items: readonly Item[],
): { head: string[]; rows: string[][] } {
  const shownColumns = columns[resource];
  const toText = (value: unknown): string =>
    (typeof value === "string"
      ? value
      : value === undefined || value === null
        ? ""
        : JSON.stringify(value)
    ).replaceAll(/\p{Cc}+/gu, " ");
  return {
    head: shownColumns.map(([head]) => head),
    rows: items.map((item) => shownColumns.map(([, cell]) => toText(cell(item)))),
  };
}
