/** The help of `npm run cloud-apps`: commands, options, fields, operators and words. */
import { blockScriptFormats } from "../../clients/cloud-apps/discovery.ts";
import { ipCategories } from "../../clients/cloud-apps/enums.ts";
import { fieldTables, listedResources, listWords, type ListedResource } from "./parse-filter.ts";

const usage = `npm run cloud-apps -- <resource> <command> [options]

  alerts      list | show <id> | read <id> | unread <id>
  activities  list | scan | show <id> | feedback <id> <value> [text]
  entities    list | show <id> [saas] [inst] | tree <id> [saas] [inst]
  files       list | show <id>
  ip-ranges   list
              create <name> <category> <cidr…> [--tag t]… [--organization o]
              update <id> [--name n] [--category c] [--add cidr]… [--remove cidr]…
                          [--subnet cidr]… [--tag t]… [--organization o]
              delete <id>
  discovery   streams | categories <stream> | block-script <appliance>
              upload <file> --source GENERIC_CEF --stream <name> [--snapshot]

Options of list and scan
  --filter field[.operator]=value   may be repeated; values are separated by commas.
                                    Quote a value that has a comma: --filter 'filename="a,b.docx"'
  --raw-filter <JSON>               filters in the API's own form: {"severity":{"eq":[2]}}
  --since 2d                        items of the last 2 days, 12h or 30m
  --top 100, --skip 0               how many items, and how many to skip before them
  --sort field[:asc|desc]           alerts: date, severity. activities: date, created.
                                    files: dateModified. ip-ranges: category, tags, name
  --format table|json|csv           table on a terminal, else json (one object a line)

Options of all commands
  --simulator                       use the simulated cloud that npm start runs
  --tenant contoso                  use a tenant of the setting TENANTS
  --help, -h                        "npm run cloud-apps -- alerts --help" lists an alert's fields

An update of an IP range keeps everything that is not named. Close alerts with
POST /api/alerts/verdicts, which records each change.`;

/** Returns the help, or the fields of one resource with their operators and words. */
export function formatHelp(resource: string | undefined): string {
  if (resource === "discovery")
    return `${usage}\n\nAppliances: ${Object.entries(blockScriptFormats)
      .map(([name, number]) => `${name} (${number})`)
      .join(", ")}`;
  const listed = listedResources.find((name) => name === resource);
  return listed === undefined ? usage : `${usage}\n\n${formatFields(listed)}`;
}

function formatFields(resource: ListedResource): string {
  const rows = Object.entries<readonly string[]>(fieldTables[resource]).map(
    ([field, operators]) => {
      const words = listWords(resource, field);
      return `  ${field.padEnd(26)} ${operators.join(", ")}${
        words.length === 0 ? "" : `\n${" ".repeat(29)}words: ${words.join(", ")}`
      }`;
    },
  );
  const categories =
    resource === "ip-ranges"
      ? [`Categories: ${Object.values(ipCategories).join(", ")}, or their number 1 to 6`]
      : [];
  return [`Fields of ${resource}, with their operators:`, ...rows, ...categories].join("\n");
}
