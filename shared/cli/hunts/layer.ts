/** `npm run hunts -- layer`: writes the techniques of the enabled hunts for ATT&CK Navigator. */
import { writeFileSync } from "node:fs";
import { createAttackLayer } from "../../hunts/attack-layer.ts";
import { compileCatalog } from "../../kql/compile/compile-catalog.ts";
import { formatCount, type Output } from "../output.ts";
import { formatProblem } from "./check.ts";

/** Writes the layer to a file, or prints it. Returns the exit code. */
export function writeLayer(folder: string, file: string | undefined, output: Output): number {
  const compiled = compileCatalog(folder);
  if ("problems" in compiled) {
    for (const problem of compiled.problems) output.error(formatProblem(problem));
    output.error("Fix these hunts first; npm run hunts checks them.");
    return 1;
  }
  for (const warning of compiled.warnings) output.error(`warning: ${formatProblem(warning)}`);
  const layer = createAttackLayer(compiled.catalog.hunts);
  const text = JSON.stringify(layer, null, 2);
  if (file === undefined) {
    output.line(text);
    return 0;
  }
  writeFileSync(file, `${text}\n`);
  output.line(
    `Wrote ${file} with ${formatCount(layer.techniques.length, "technique")}.` +
      " Open it in ATT&CK Navigator with Open Existing Layer.",
  );
  return 0;
}
