/**
 * Child, bundled: streams one hunting call into one export through the app's own client, pipeline
 * and store. Prints the cost. Arguments: `<source's address> <kind of answer> <rows> <connection
 * string>`
 */
import type { ContainerClient } from "@azure/storage-blob";
import { createExportStore } from "../../shared/clients/exports.ts";
import { createDefenderHunting } from "../../shared/clients/hunting/defender.ts";
import { createGraphHunting } from "../../shared/clients/hunting/graph.ts";
import { createStorageClients } from "../../shared/clients/storage.ts";
import type { HuntingPort } from "../../shared/hunts/ports.ts";
import { createApiClient } from "../../shared/http-pipeline/send.ts";
import { systemClock } from "../../shared/runtime/time.ts";

/**
 * Cost of one export. Peak and idle are resident memory in MB; idle is measured with open clients.
 */
export interface ExportMeasure {
  readonly ms: number;
  /** CPU time of all threads. */
  readonly cpuMs: number;
  readonly rows: number;
  readonly rawBytes: number;
  readonly idleMb: number;
  readonly peakMb: number;
}

const megabyte = 1_048_576;

const warmUpRows = 100_000;

/** Exports a full answer to warm up, as in a long-lived worker, then the measured one. */
async function exportOnce([
  sourceUrl = "",
  kind = "",
  rows = "",
  connection = "",
]: readonly string[]): Promise<void> {
  const { blobs } = await createStorageClients({ kind: "connection-string", value: connection });
  const container = blobs.getContainerClient("exports");
  await container.createIfNotExists();
  const idleMb = process.memoryUsage.rss() / megabyte;
  await runExport(container, sourceUrl, kind, warmUpRows);

  const startCpu = process.cpuUsage();
  const startMs = performance.now();
  const { rawBytes, rows: exportedRows } = await runExport(
    container,
    sourceUrl,
    kind,
    Number(rows),
  );
  const ms = performance.now() - startMs;
  const { system, user } = process.cpuUsage(startCpu);
  const cpuMs = (user + system) / 1_000;
  const peakMb = process.resourceUsage().maxRSS / 1_024;
  const measure: ExportMeasure = { ms, cpuMs, rows: exportedRows, rawBytes, idleMb, peakMb };
  console.log(JSON.stringify(measure));
}

/** Makes one call and commits one export; then deletes it, so that the store does not fill up. */
async function runExport(
  container: ContainerClient,
  sourceUrl: string,
  kind: string,
  rows: number,
): Promise<{ readonly rows: number; readonly rawBytes: number }> {
  const path = `bench/${process.pid}/${rows}`;
  const writer = createExportStore(container).openWriter(path, "bench", "ndjson", []);
  const hunting = createHunting(`${sourceUrl}/${kind}/${rows}`, kind);
  const reply = await hunting.runQuery(
    "bench",
    { deadlineMs: 600_000, maxWaitMs: 0 },
    { writeRows: writer.writeRows },
  );
  if (reply.kind !== "answer") throw new Error(JSON.stringify(reply));
  const { rawbytes, sha256, substituted } = await writer.finish();
  const bounds = { from: "2026-01-05T00:00:00.0000000Z", to: "2026-01-05T01:00:00.0000000Z" };
  const hashes = { schemahash: "bench", queryhash: "bench", prev: "" };
  const metadata = {
    seq: 1,
    ...bounds,
    rows: reply.rows,
    rawbytes,
    substituted,
    sha256,
    ...hashes,
  } as const;
  await writer.commit({ ...metadata, mode: "window", attempt: "bench", complete: "yes" });
  await container.getBlobClient(path).delete();
  return { rows: reply.rows, rawBytes: rawbytes };
}

function createHunting(baseUrl: string, kind: string): HuntingPort {
  const client = createApiClient({
    api: "hunting",
    baseUrl,
    authorizer: {
      createHeader: async () => ({ name: "authorization", value: "Bearer bench", secret: "bench" }),
      reportRefused: () => undefined,
    },
    clock: systemClock,
    log: () => undefined,
  });
  const quota = {
    acquirePermit: async () =>
      ({ kind: "permit", permit: { usableUntilMs: systemClock.now() + 60_000 } }) as const,
    report: async () => undefined,
  };
  return (kind === "graph" ? createGraphHunting : createDefenderHunting)({
    client,
    quota,
    clock: systemClock,
  });
}

// The bundle is CommonJS, which does not have top-level `await`.
void exportOnce(process.argv.slice(2));
