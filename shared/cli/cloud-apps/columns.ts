/** What a terminal shows of each resource; a pipe gets every field as NDJSON. */
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
import type { Listed } from "./filter-words.ts";

type Column = readonly [head: string, cell: (item: Item) => unknown];

const at = (name: string) => (item: Item) => item[name];
const word = (name: string, table: Readonly<Record<number, string>>) => (item: Item) => {
  const value = item[name];
  return typeof value === "number" ? wordOf(table, value) : value;
};
/** Numbers of a list in words: what an alert is a part of, what its maker is after. */
const listed = (name: string, table: Readonly<Record<number, string>>) => (item: Item) => {
  const values = item[name];
  return Array.isArray(values) ? values.map((value: number) => wordOf(table, value)).join(" ") : "";
};
const time = (name: string) => (item: Item) => {
  const value = item[name];
  return typeof value === "number"
    ? new Date(value).toISOString().slice(0, 19).replace("T", " ")
    : value;
};

const columns: Readonly<Record<Listed, readonly Column[]>> = {
  alerts: [
    ["time", time("timestamp")],
    ["severity", word("severityValue", severities)],
    ["status", word("statusValue", alertStatuses)],
    ["resolution", word("resolutionStatusValue", resolutionStatuses)],
    ["story", listed("stories", stories)],
    ["intent", listed("intent", intents)],
    ["id", at("_id")],
    ["title", at("title")],
  ],
  activities: [
    ["time", time("timestamp")],
    ["id", at("_id")],
    ["type", at("eventTypeName")],
    ["description", at("description")],
  ],
  entities: [
    ["id", at("id")],
    ["type", at("type")],
    ["name", (item) => item["displayName"] ?? item["username"]],
  ],
  files: [
    ["id", at("_id")],
    [
      "type",
      (item) =>
        Array.isArray(item["fileType"]) ? (item["fileType"][1] as unknown) : item["fileType"],
    ],
    ["name", at("name")],
  ],
  "ip-ranges": [
    ["id", at("_id")],
    ["category", word("category", ipCategories)],
    [
      "subnets",
      (item) =>
        Array.isArray(item["subnets"])
          ? item["subnets"].map((one: { originalString?: string }) => one.originalString).join(" ")
          : "",
    ],
    ["name", at("name")],
  ],
};

/** Heads and cells of a table. One line a row: what breaks a line becomes a blank. */
export function rowsOf(
  resource: Listed,
  items: readonly Item[],
): { head: string[]; rows: string[][] } {
  const shown = columns[resource];
  const text = (value: unknown): string =>
    (typeof value === "string"
      ? value
      : value === undefined || value === null
        ? ""
        : JSON.stringify(value)
    ).replaceAll(/\p{Cc}+/gu, " ");
  return {
    head: shown.map(([head]) => head),
    rows: items.map((item) => shown.map(([, cell]) => text(cell(item)))),
  };
}
