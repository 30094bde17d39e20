/** Formats what `npm start` prints. */
import { exampleAlertId } from "../simulator/seed-examples.ts";
import type { DemoFile, DemoHunt } from "./demo.ts";
import type { Dependencies } from "./dependencies.ts";
import type { RunningHost } from "./run-host.ts";

export const greeting =
  "Huntline exports Defender hunts, enriches file hashes and closes Cloud Apps alerts.\n";

export interface DemoResult {
  readonly hunts: readonly DemoHunt[];
  readonly files: readonly DemoFile[];
  readonly alert:
    | { readonly alertId: string; readonly id: string; readonly outcome: string }
    | undefined;
}

/** Formats the results, where to look, and one command for each endpoint. */
export function formatReport(
  host: RunningHost,
  dependencies: Dependencies,
  demo: DemoResult,
): string {
  return [
    `Console: ${host.url}/api/console`,
    dependencies.simulator
      ? "The app runs against a simulated Microsoft cloud on this machine."
      : "The app uses the real Microsoft APIs, with the settings of local.settings.json.",
    ...formatTenants(host, dependencies),
    [...formatHunts(demo.hunts), ...formatFiles(demo.files), ...formatAlert(demo)].join("\n"),
    formatCommands(host, dependencies, demo),
    formatNextSteps(host, dependencies),
  ].join("\n\n");
}

function formatTenants({ url }: RunningHost, { simulator }: Dependencies): readonly string[] {
  const names = [...(simulator?.tenants.keys() ?? [])];
  const [first] = names;
  return first === undefined
    ? []
    : [
        `Tenants: default, ${names.join(", ")}. Name one in a request: ${url}/api/hunts?tenant=${first}`,
      ];
}

const formatHunts = (hunts: readonly DemoHunt[]): readonly string[] => {
  const width = Math.max(...hunts.map(({ hunt }) => hunt.length), 0);
  return hunts.map(({ hunt, rows, blobs, note }) => {
    const count = `${rows} ${rows === 1 ? "row" : "rows"}`;
    const newest = blobs.at(-1)?.replace(/^hl_tenant=[^/]*\/hl_hunt=[^/]*\//, "");
    const detail = newest ?? (note === "" ? "no new rows" : note);
    return `Hunts  ${hunt.padEnd(width)}  ${count.padStart(8)}  ${detail}`;
  });
};

const formatFiles = (files: readonly DemoFile[]): readonly string[] =>
  files.map(({ hash, status, name, devices }) => {
    const detail =
      devices === undefined
        ? ""
        : `, on ${devices} ${devices === 1 ? "device" : "devices"} as ${name}`;
    return `Files  ${hash}  ${status}${detail}`;
  });

const formatAlert = ({ alert }: DemoResult): readonly string[] =>
  alert ? [`Alert  ${alert.alertId}  ${alert.outcome} as falsePositive`] : [];

function formatCommands(
  { url }: RunningHost,
  { simulator }: Dependencies,
  { hunts, files }: DemoResult,
): string {
  const hunt = hunts.find(({ rows }) => rows > 0)?.hunt ?? hunts[0]?.hunt ?? "";
  const hash = files[0]?.hash ?? "0".repeat(40);
  const verdict = JSON.stringify({
    version: 1,
    id: "my-first-verdict",
    alertIds: [exampleAlertId],
    action: "dismiss",
    reason: "notOfInterest",
    comment: "Known scanner",
    requestedBy: "me@example.com",
    requestedAt: "2026-11-22T08:00:00Z",
  });
  const json = "-H 'content-type: application/json'";
  const lines: readonly (readonly [string, string])[] = [
    ["health", `curl -s ${url}/api/health`],
    ["all hunts", `curl -s ${url}/api/hunts`],
    ["a hunt's exports", `curl -s '${url}/api/hunts/${hunt}/exports?after=-1'`],
    ["run a hunt", `curl -s -X POST ${json} -d '{}' ${url}/api/hunts/${hunt}/runs`],
    ["one file", `curl -s ${url}/api/files/${hash}/stats`],
    [
      "a payload with hashes",
      `curl -s ${json} -d '{"evidence":{"name":"a.exe","sha1":"${hash}"}}' ${url}/api/files/stats`,
    ],
    ["close an alert", `curl -s ${json} -d '${verdict}' ${url}/api/alerts/verdicts`],
    ["its outcome", `curl -s ${url}/api/alerts/verdicts/my-first-verdict`],
    ...(simulator ? [["a signed webhook", formatWebhookCommand(url, hash)] as const] : []),
    ["dead letters", `curl -s ${url}/api/dead-letters`],
  ];
  return [
    "Try it:",
    ...lines.map(([title, command]) => `  # ${title}\n  ${command}`),
    ...(simulator
      ? [
          `  # the newest rows, as a table\n  npm run exports -- show ${hunt} --simulator`,
          "  # every check of the app and its services\n  npm run doctor -- --simulator",
        ]
      : []),
  ].join("\n");
}

const formatNextSteps = ({ url }: RunningHost, { azurite }: Dependencies): string =>
  [
    azurite
      ? `Exports are in Azurite: http://127.0.0.1:${azurite.blobPort}/devstoreaccount1`
      : "Exports are in the storage account of DataStorage.",
    "A hunt that you add or change is picked up. npm start -- --fresh forgets all exports.",
    `Listening on ${url} (Ctrl+C to stop)`,
  ].join("\n");

/** Signs for the simulated cloud's source `demo`. */
const formatWebhookCommand = (url: string, hash: string): string => {
  const body = JSON.stringify({
    object: { properties: { title: "Malware", status: "New", sha1: hash } },
  });
  const signature =
    `$(printf %s "$body" | openssl dgst -sha256 -hmac 'only for the simulated tenant'` +
    " | sed 's/.* //')";
  return (
    `body='${body}'; curl -s -H 'content-type: application/json'` +
    ` -H "x-hub-signature-256: sha256=${signature}" -d "$body" ${url}/api/webhooks/demo`
  );
};
