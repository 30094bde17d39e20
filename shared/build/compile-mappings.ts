/** Compiles the mapping files to the one object that the build writes; the app reads no YAML. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseDocument } from "yaml";
import { toInputFaults } from "../contracts/input-faults.ts";
import { mappingSchema, type Mappings } from "../webhooks/mapping.ts";

/** A problem of one file; `path` is a JSON pointer. */
export interface MappingProblem {
  readonly file: string;
  readonly path: string;
  readonly message: string;
}

export type CompiledMappings =
  | { readonly kind: "mappings"; readonly mappings: Mappings }
  | { readonly kind: "problems"; readonly problems: readonly MappingProblem[] };

/** Compiles every `.yaml` of a folder; a mapping has the name of its file. */
export function compileMappings(folder: string): CompiledMappings {
  const problems: MappingProblem[] = [];
  const mappings: Record<string, Mappings[string]> = {};
  for (const name of readdirSync(folder)
    .filter((each) => each.endsWith(".yaml"))
    .toSorted()) {
    const file = join(folder, name);
    const document = parseDocument(readFileSync(file, "utf8"));
    const syntaxProblems = document.errors.map(({ message }) => ({
      file,
      path: "",
      message: message.split("\n")[0] ?? "must be YAML",
    }));
    const { data, error } = mappingSchema.safeParse(document.toJS());
    problems.push(
      ...syntaxProblems,
      ...(error && syntaxProblems.length === 0
        ? toInputFaults(error).map((fault) => ({ file, ...fault }))
        : []),
    );
    if (data) mappings[basename(name, ".yaml")] = data;
  }
  return problems.length > 0 ? { kind: "problems", problems } : { kind: "mappings", mappings };
}
