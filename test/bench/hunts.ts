/** `npm run bench -- hunts`: measures exports, memory, row splitting, load time and calls. */
import type { Result } from "./harness.ts";
import { measureCalls } from "./hunts-calls.ts";
import { measureCutting, measureExports } from "./hunts-exports.ts";
import { measureLoad } from "./hunts-load.ts";

export async function* measureHunts(): AsyncIterable<Result> {
  yield* measureLoad();
  yield* measureCutting();
  yield* measureExports();
  yield* measureCalls();
}
