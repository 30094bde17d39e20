/** N cold hashes through the file API on the virtual clock, and what a judge wants to know of it. */
import { lowerBoundMs } from "../../shared/files/pace.ts";
import { fileHash, filesRoom, questionAbout } from "./files-harness.ts";
import type { serverModels } from "./server-quotas.ts";

export interface PaceRun {
  readonly found: number;
  readonly calls: number;
  /** 429s of the server. */
  readonly rejections: number;
  readonly arrivals: readonly number[];
  /** From the question to the arrival of the last call, and what the quota allows at best. */
  readonly lastMs: number;
  readonly boundMs: number;
  /** Calls for the same question asked once more. */
  readonly callsAgain: number;
}

export async function paceRun(options: {
  readonly model: (typeof serverModels)[number];
  readonly instances: number;
  readonly hashes: number;
}): Promise<PaceRun> {
  const room = filesRoom({ paced: true, model: options.model, instances: options.instances });
  const question = questionAbout(
    Array.from({ length: options.hashes }, (_, index) => fileHash(index)),
  );
  const startMs = room.clock.now();
  const outcome = await room.clock.run(room.desk.ask(question));
  if (outcome.kind !== "job") throw new Error(`want a job, got ${outcome.kind}`);
  await room.clock.run(room.drain());
  const view = await room.desk.job(outcome.id);
  if (view.kind !== "ended") throw new Error(`the job is ${view.kind}`);
  const { report } = await room.desk.results(view.header);
  const arrivals = room.calls.map(({ atMs }) => atMs);
  await room.clock.run(
    Promise.all(
      room.desks.map((desk) =>
        desk.ask(questionAbout(question.asked.slice(-90).map(({ hash }) => hash))),
      ),
    ),
  );
  return {
    found: report.summary.found,
    calls: arrivals.length,
    rejections: room.rejections(),
    arrivals,
    lastMs: Math.max(...arrivals) - startMs,
    boundMs: lowerBoundMs(options.hashes, 100, 1_500),
    callsAgain: room.calls.length - arrivals.length,
  };
}
