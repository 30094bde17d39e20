/** Every sentence that `npm start` says to a person. */
import type { RunningHost } from "./run-host.ts";
import type { Dependencies } from "./dependencies.ts";
import type { DemoFile, DemoHunt } from "./demo.ts";

export const greeting = `Huntline: hunts in Microsoft Defender exported exactly once, file hashes enriched, Cloud Apps alerts closed.
`;

export interface DemoResult {
  readonly hunts: readonly DemoHunt[];
  readonly files: readonly DemoFile[];
  readonly alert:
    | { readonly alertId: string; readonly id: string; readonly outcome: string }
    | undefined;
}

/** Returns what happened, where to look, and a request to copy for each endpoint. */
export function formatReport(
  host: RunningHost,
  dependencies: Dependencies,
  demo: DemoResult,
): string {
  return [
    dependencies.simulator
      ? "Everything ran against a simulated Microsoft cloud on this machine. Nothing left it."
      : "The app talks to the real Microsoft APIs, with the settings of local.settings.json.",
    formatHunts(demo.hunts),
    ...(dependencies.simulator ? [formatFiles(demo.files), formatAlert(demo)] : []),
    describeStorage(dependencies),
    formatCommands(host, dependencies, demo),
    `Serving on ${host.url}. Ctrl+C stops everything. \`npm start -- --fresh\` begins anew.`,
  ].join("\n\n");
}

const formatHunts = (hunts: readonly DemoHunt[]): string =>
  [
    "Hunts, exported to the container `exports`:",
    ...hunts.map(
      (hunt) =>
        `  ${hunt.hunt.padEnd(34)} ${String(hunt.rows).padStart(6)} rows  ${hunt.blobs.at(-1) ?? hunt.note}`,
    ),
  ].join("\n");

const formatFiles = (files: readonly DemoFile[]): string =>
  [
    "Files, looked up by SHA-1:",
    ...files.map(
      ({ hash, status, name, devices }) =>
        `  ${hash}  ${status}${devices === undefined ? "" : `, on ${devices} devices as ${name}`}`,
    ),
  ].join("\n");

const formatAlert = ({ alert }: DemoResult): string =>
  alert
    ? `Alert ${alert.alertId} was dismissed as a false positive: ${alert.outcome}.`
    : "No alert was open, so none was closed.";

/** How to read an export with nothing but Azurite and curl: its containers are private, so through the app. */
const describeStorage = ({ azurite }: Dependencies): string =>
  azurite
    ? `The blobs are in Azurite, blob endpoint http://127.0.0.1:${azurite.blobPort}/devstoreaccount1 (any storage browser with the development account opens it).`
    : "The blobs are in the storage account of DataStorage.";

function formatCommands(
  { url }: RunningHost,
  { alerts, simulator }: Dependencies,
  { hunts, files }: DemoResult,
): string {
  const hunt = hunts.find(({ rows }) => rows > 0)?.hunt ?? hunts[0]?.hunt ?? "";
  const hash = files[0]?.hash ?? "0".repeat(40);
  const alertId = alerts[1] ?? "603e4f1b2c3d4e5f60718293";
  const verdict = JSON.stringify({
    version: 1,
    id: "my-first-verdict",
    alertIds: [alertId],
    action: "dismiss",
    reason: "notOfInterest",
    comment: "Known scanner",
    requestedBy: "me@example.com",
    requestedAt: "2026-11-22T08:00:00Z",
  });
  const lines: readonly (readonly [string, string])[] = [
    ["how it is", `curl -s ${url}/api/health`],
    ["every hunt", `curl -s ${url}/api/hunts`],
    ["the first rows of a hunt's exports", `curl -s '${url}/api/hunts/${hunt}/exports?after=-1'`],
    [
      "run a hunt now",
      `curl -s -X POST -H 'content-type: application/json' -d '{}' ${url}/api/hunts/${hunt}/runs`,
    ],
    ["one file", `curl -s ${url}/api/files/${hash}/stats`],
    [
      "any payload with hashes in it",
      `curl -s -H 'content-type: application/json' -d '{"evidence":{"name":"a.exe","sha1":"${hash}"}}' ${url}/api/files/stats`,
    ],
    [
      "close an alert",
      `curl -s -H 'content-type: application/json' -d '${verdict}' ${url}/api/alerts/verdicts`,
    ],
    ["what became of it", `curl -s ${url}/api/alerts/verdicts/my-first-verdict`],
    ...(simulator ? [["a SIEM's webhook, signed", formatWebhookCommand(url, hash)] as const] : []),
    ["what could not be worked on", `curl -s ${url}/api/dead-letters`],
  ];
  return [
    "Requests to copy:",
    ...lines.map(([title, command]) => `  # ${title}\n  ${command}`),
  ].join("\n");
}

/** The source `demo` and its key are the simulated tenant's. */
const formatWebhookCommand = (url: string, hash: string): string => {
  const body = JSON.stringify({
    object: { properties: { title: "Malware", status: "New", sha1: hash } },
  });
  const signature = `$(printf %s "$body" | openssl dgst -sha256 -hmac 'only for the simulated tenant' | sed 's/.* //')`;
  return `body='${body}'; curl -s -H 'content-type: application/json' -H "x-hub-signature-256: sha256=${signature}" -d "$body" ${url}/api/webhooks/demo`;
};
