/** The tenant as a program: `npm run simulator -- [--port 7080] [--alerts 40] [--set hunting.rowCap=10000]`. */
import { parseArgs } from "node:util";
import { startTenant } from "./simulator.ts";
import type { SwitchChanges } from "./behaviors.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "7080" },
    alerts: { type: "string", default: "40" },
    set: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
  },
});

/** `a.b=1` and the like, as one tree of switches. */
function switchesFrom(assignments: readonly string[]): SwitchChanges {
  const tree: Record<string, unknown> = {};
  for (const assignment of assignments) {
    const [path = "", text = ""] = assignment.split(/=(.*)/s);
    const names = path.split(".");
    const last = names.pop() ?? "";
    let place = tree;
    for (const name of names) place = (place[name] ??= {}) as Record<string, unknown>;
    place[last] = valueOf(text);
  }
  return tree;
}

/** JSON where it is JSON, otherwise the text itself. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

const tenant = await startTenant({
  ...(Number(values.port) === 0 ? {} : { firstPort: Number(values.port) }),
  alerts: Number(values.alerts),
  switches: switchesFrom(values.set),
});

if (values.json) console.log(JSON.stringify({ settings: tenant.settings, urls: tenant.urls }));
else console.log(greeting());

function greeting(): string {
  const { urls, settings, cloudApps } = tenant;
  const file = tenant.world.files[0];
  return `The simulated tenant is up. An app lives in it with these settings:

${Object.entries(settings)
  .map(([name, value]) => `  export ${name}='${value}'`)
  .join("\n")}

Try it:
  TOKEN=$(curl -s -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=https://graph.microsoft.com&client_id=$HUNT_IDENTITY" | sed 's/.*access_token":"\\([^"]*\\).*/\\1/')
  curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"Query":"DeviceProcessEvents | take 3"}' "$GRAPH_URL/v1.0/security/runHuntingQuery"

A file it knows:    ${file?.sha1 ?? ""} (${file?.name ?? ""})
An open alert:      ${cloudApps.alerts.all()[0]?._id ?? ""}
Inside, from HTTP:  ${urls.graph}/_tenant/  (faults, requests, switches, vault, alerts, clock)
Every switch:       test/simulator/README.md

Ctrl+C ends it; nothing is kept.`;
}

const stop = (): void => void tenant.stop().then(() => process.exit(0));
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
