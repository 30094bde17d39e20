/**
 * Loaded into a host before the app: kills the process the hard way at the point that `KILL_AT` names, after `KILL_PASSES`
 * harmless passes, if it is the first to make the file `KILL_TICKET`. The app is the built bundle as it is shipped; only
 * what the global points do is replaced.
 */
import { openSync } from "node:fs";

const armed = process.env["KILL_AT"];
const ticket = process.env["KILL_TICKET"] ?? "";
let passes = Number(process.env["KILL_PASSES"] ?? 0);

// The seam to the untyped global object, as `shared/runtime/failpoints.ts` describes it.
const place = globalThis as unknown as Record<symbol, { reach: (name: string) => void }>;

place[Symbol.for("huntline.points")] = {
  reach: (name) => {
    if (name === armed && passes-- <= 0 && isFirst()) process.kill(process.pid, "SIGKILL");
  },
};

/** One death is enough: whoever comes second lives on. */
function isFirst(): boolean {
  try {
    openSync(ticket, "wx");
    return true;
  } catch {
    return false;
  }
}
