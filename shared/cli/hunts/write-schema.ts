/** `npm run hunts -- schema`: writes the JSON schema of hunt files. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatHuntSchema } from "../../kql/compile/hunt-schema.ts";
import type { Output } from "../output.ts";

/** The schema that the first line of each catalog file references. */
const schemaFile = join(import.meta.dirname, "../../hunts/hunt.schema.json");

/** Writes the schema. Returns the exit code. */
export function writeHuntSchema(output: Output): number {
  writeFileSync(schemaFile, formatHuntSchema());
  output.line("Wrote shared/hunts/hunt.schema.json.");
  return 0;
}
