/** `npm run bench -- hunts`: measures exports, memory, row splitting and calls. */
import type { Result } from "./harness.ts";
import { measureCalls } from "./hunts-calls.ts";
import { measureCutting, measureExports } from "./hunts-exports.ts";

export async function* measureHunts(): AsyncIterable<Result> {
  yield* measureCutting();
  yield* measureExports();
  yield* measureCalls();
}
