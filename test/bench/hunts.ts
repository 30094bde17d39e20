/** `npm run bench -- hunts`: exports, memory, cutting, load and calls. */
import type { Result } from "./harness.ts";
import { callResults } from "./hunts-calls.ts";
import { cuttingResults, exportResults } from "./hunts-exports.ts";
import { loadResults } from "./hunts-load.ts";

export async function* hunts(): AsyncIterable<Result> {
  yield* loadResults();
  yield* cuttingResults();
  yield* exportResults();
  yield* callResults();
}
