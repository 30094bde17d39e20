/**
 * Looks up N uncached hashes over the file API on the virtual clock, and measures calls and times.
 */
import { computeMinDurationMs } from "../../shared/files/retry-after.ts";
import { fileHash, filesHarness, requestFor } from "./files-harness.ts";
import type { serverModels } from "./server-quotas.ts";

export interface PaceResult {
  readonly found: number;
  readonly calls: number;
  /** 429s of the server. */
  readonly rejections: number;
  readonly arrivals: readonly number[];
  /** From the question to the arrival of the last call, and what the quota allows at best. */
  readonly lastMs: number;
  readonly minDurationMs: number;
  /** Calls for the same question asked once more. */
  readonly repeatedCalls: number;
}

export async function measureFilesPace(options: {
  readonly model: (typeof serverModels)[number];
  readonly instances: number;
  readonly hashes: number;
}): Promise<PaceResult> {
  const harness = filesHarness({
    isPaced: true,
    model: options.model,
    instances: options.instances,
  });
  const request = requestFor(Array.from({ length: options.hashes }, (_, index) => fileHash(index)));
  const startMs = harness.clock.now();
  const outcome = await harness.clock.run(harness.service.lookUpFiles(request));
  if (outcome.kind !== "job") throw new Error(`want a job, got ${outcome.kind}`);
  await harness.clock.run(harness.drainQueue());
  const view = await harness.service.readJob(outcome.id);
  if (view.kind !== "ended") throw new Error(`the job is ${view.kind}`);
  const { report } = await harness.service.readReport(view.header);
  const arrivals = harness.calls.map(({ atMs }) => atMs);
  await harness.clock.run(
    Promise.all(
      harness.services.map((service) =>
        service.lookUpFiles(requestFor(request.requested.slice(-90).map(({ hash }) => hash))),
      ),
    ),
  );
  return {
    found: report.summary.found,
    calls: arrivals.length,
    rejections: harness.countRejections(),
    arrivals,
    lastMs: Math.max(...arrivals) - startMs,
    minDurationMs: computeMinDurationMs(options.hashes, 100, 1_500),
    repeatedCalls: harness.calls.length - arrivals.length,
  };
}
