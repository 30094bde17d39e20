/**
 * Runs the simulator as a program: `npm run simulator -- [--port 7080] [--alerts 40] [--set
 * hunting.rowCap=10000]`.
 */
import { parseArgs } from "node:util";
import { startSimulator } from "./simulator.ts";
import type { BehaviorChanges } from "./behaviors.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "7080" },
    alerts: { type: "string", default: "40" },
    set: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
  },
});

/** Parses assignments such as `a.b=1` into one object of behaviors. */
function toBehaviorChanges(assignments: readonly string[]): BehaviorChanges {
  const tree: Record<string, unknown> = {};
  for (const assignment of assignments) {
    const [path = "", text = ""] = assignment.split(/=(.*)/s);
    const names = path.split(".");
    const leaf = names.pop() ?? "";
    let node = tree;
    for (const name of names) node = (node[name] ??= {}) as Record<string, unknown>;
    node[leaf] = parseValue(text);
  }
  return tree;
}

/** Parses JSON; returns other text unchanged. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

const simulator = await startSimulator({
  ...(Number(values.port) === 0 ? {} : { firstPort: Number(values.port) }),
  alerts: Number(values.alerts),
  behaviors: toBehaviorChanges(values.set),
});

if (values.json)
  console.log(JSON.stringify({ settings: simulator.settings, urls: simulator.urls }));
else console.log(createGreeting());

function createGreeting(): string {
  const { urls, settings, cloudApps } = simulator;
  const file = simulator.dataset.files[0];
  return `The simulator is running. An app uses it with these settings:

${Object.entries(settings)
  .map(([name, value]) => `  export ${name}='${value}'`)
  .join("\n")}

Try it:
  TOKEN=$(curl -s -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=https://graph.microsoft.com&client_id=$HUNTING_IDENTITY_CLIENT_ID" | sed 's/.*access_token":"\\([^"]*\\).*/\\1/')
  curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"Query":"DeviceProcessEvents | take 3"}' "$GRAPH_URL/v1.0/security/runHuntingQuery"

A known file:    ${file?.sha1 ?? ""} (${file?.name ?? ""})
An open alert:      ${cloudApps.alerts.list()[0]?._id ?? ""}
Admin API:          ${urls.graph}/_simulator/  (faults, requests, behaviors, vault, alerts, clock)
All behaviors:      test/simulator/README.md

Press Ctrl+C to stop; no state is saved.`;
}

const stopSimulator = (): void => void simulator.stop().then(() => process.exit(0));
process.once("SIGINT", stopSimulator);
process.once("SIGTERM", stopSimulator);
