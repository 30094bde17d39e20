/** `npm run hunts`: check, import, explain and plan hunts. Plain text; exit code 0 done, 1 something to mend, 2 not understood. */
import { join } from "node:path";
import { openOutput } from "./hunts/output.ts";
import { runHunts } from "./hunts/run.ts";

const catalog = join(import.meta.dirname, "../hunts/catalog");
const api = process.env["HUNTING_API"] ?? "graph";

process.exitCode = runHunts(process.argv.slice(2), catalog, api, openOutput(process.stdout, process.stderr));
