/** Follows the schema of a hunt's exports, and reports each change once an export has it. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import {
  huntSchemaRecord,
  type HuntHead,
  type HuntSchemaChange,
} from "../../contracts/hunt-state.ts";
import { readValue } from "../../storage/typed-record.ts";
import { statePaths } from "../log/paths.ts";
import { findColumn } from "../log/shared-columns.ts";
import type { ExportRecord, HuntContext } from "../ports.ts";

/** The schema of the newest export with rows, and how it came about. */
export type SchemaState = Pick<HuntHead, "schemaHash" | "schemaChange">;

/** Follows the schema over the exports since the cached head, oldest first. */
export async function followSchema(
  context: HuntContext,
  cached: SchemaState,
  records: readonly ExportRecord[],
): Promise<SchemaState> {
  let state = cached;
  for (const { metadata } of records) {
    const { from, to, rows, schemahash, seq } = metadata;
    if (rows === 0 || metadata.complete !== "yes" || schemahash === state.schemaHash) continue;
    if (state.schemaHash === undefined) {
      state = { ...state, schemaHash: schemahash };
      continue;
    }
    const differences = await compareSchemas(context, state.schemaHash, schemahash);
    state = { schemaHash: schemahash, schemaChange: { changedAt: to, seq, ...differences } };
    context.deps.logEvent("hunt.schemaChanged", {
      hunt: context.hunt.name,
      window: `${from}/${to}`,
      seq,
      gained: differences.gained.join(" "),
      lost: differences.lost.join(" "),
      retyped: differences.retyped.join(" "),
    });
  }
  return state;
}

type SchemaDifferences = Pick<HuntSchemaChange, "gained" | "lost" | "retyped">;

/** Compares two stored schemas by name. A lost record leaves the lists empty. */
async function compareSchemas(
  { deps, hunt }: HuntContext,
  formerHash: string,
  hash: string,
): Promise<SchemaDifferences> {
  const readColumns = async (name: string): Promise<readonly HuntColumn[] | undefined> =>
    (await readValue(deps.records, statePaths.schema(hunt.name, name), huntSchemaRecord))?.columns;
  const [former, current] = [await readColumns(formerHash), await readColumns(hash)];
  if (!former || !current) return { gained: [], lost: [], retyped: [] };
  const namesOf = (columns: readonly HuntColumn[]): string[] => columns.map(({ name }) => name);
  return {
    gained: namesOf(current.filter(({ name }) => findColumn(former, name) === undefined)),
    lost: namesOf(former.filter(({ name }) => findColumn(current, name) === undefined)),
    retyped: namesOf(
      current.filter((column) => {
        const match = findColumn(former, column.name);
        return match && (match.type !== column.type || match.name !== column.name);
      }),
    ),
  };
}
