/**
 * Preloaded into a host: kills the process with SIGKILL at the failpoint that `KILL_AT` names,
 * after `KILL_PASSES` passes, if it is the first to create the file `KILL_TICKET`. The app is the
 * shipped bundle; only the failpoint function is replaced.
 */
import { openSync } from "node:fs";

const armedFailpoint = process.env["KILL_AT"];
const ticketFile = process.env["KILL_TICKET"] ?? "";
let remainingPasses = Number(process.env["KILL_PASSES"] ?? 0);

// Access to the untyped global object, as `shared/runtime/failpoints.ts` describes.
const globalScope = globalThis as unknown as Record<symbol, { failpoint: (name: string) => void }>;

globalScope[Symbol.for("huntline.failpoints")] = {
  failpoint: (name) => {
    if (name === armedFailpoint && remainingPasses-- <= 0 && isFirst())
      process.kill(process.pid, "SIGKILL");
  },
};

/** True for the first process only, so that exactly one process dies. */
function isFirst(): boolean {
  try {
    openSync(ticketFile, "wx");
    return true;
  } catch {
    return false;
  }
}
