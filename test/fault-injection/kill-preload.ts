/**
 * Loaded into a host before the app: kills the process the hard way at the point that `KILL_AT` names, after `KILL_PASSES`
 * harmless passes, if it is the first to make the file `KILL_TICKET`. The app is the built bundle as it is shipped; only
 * what the global points do is replaced.
 */
import { openSync } from "node:fs";

const armedFailpoint = process.env["KILL_AT"];
const ticketFile = process.env["KILL_TICKET"] ?? "";
let remainingPasses = Number(process.env["KILL_PASSES"] ?? 0);

// The seam to the untyped global object, as `shared/runtime/failpoints.ts` describes it.
const globalScope = globalThis as unknown as Record<symbol, { failpoint: (name: string) => void }>;

globalScope[Symbol.for("huntline.failpoints")] = {
  failpoint: (name) => {
    if (name === armedFailpoint && remainingPasses-- <= 0 && isFirst())
      process.kill(process.pid, "SIGKILL");
  },
};

/** One death is enough: whoever comes second lives on. */
function isFirst(): boolean {
  try {
    openSync(ticketFile, "wx");
    return true;
  } catch {
    return false;
  }
}
