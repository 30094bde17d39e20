/** Creates what a test case evaluates its query against. */
import type { CompiledHunt, KqlType } from "../../contracts/compiled-hunt.ts";
import type { HuntTest } from "../../contracts/hunt-test.ts";
import { suggestWord } from "../../runtime/suggest-word.ts";
import { parseInstant, type Ticks } from "../../runtime/time.ts";
import type { EvaluationContext, NamedValues, SourceTable } from "../evaluate/context.ts";
import { publishedSchema, type QuerySchema } from "../language/schema.ts";
import { createInferredTable, createTestTable, TestCaseError } from "./test-rows.ts";

/** Reads the rows of a file that a test case names. */
export type ReadRowsFile = (path: string) => readonly NamedValues[];

const defaultNow = "2026-01-05T12:00:00Z";

/** @throws TestCaseError */
export function createContext(
  test: HuntTest,
  readRowsFile: ReadRowsFile,
  columnsByTable: QuerySchema["tables"],
): EvaluationContext {
  const now = parseInstant(test.now ?? defaultNow);
  if (now === undefined) throw new TestCaseError(`/now: must be an instant such as ${defaultNow}`);
  const { externalData, files, locations, watchlists } = test;
  const { assignedAddresses, devicesByAddress, seenBy } = test;
  return {
    tables: createTables(test, now, readRowsFile, columnsByTable),
    now,
    ...(externalData && { externalData: (uri: string) => externalData[uri] }),
    ...(watchlists && {
      watchlists: new Map(
        Object.entries(watchlists).map(([alias, rows]) => [alias, createInferredTable(rows)]),
      ),
    }),
    functions: {
      FileProfile: createFileLookup(files ?? []),
      ...(assignedAddresses && {
        AssignedIPAddresses: (device: string) => assignedAddresses[device] ?? [],
      }),
      ...(devicesByAddress && {
        DeviceFromIP: (address: string) => devicesByAddress[address] ?? [],
      }),
      ...(seenBy && { SeenBy: (device: string) => seenBy[device] ?? [] }),
      ...(locations && { geo_info_from_ip_address: (address: string) => locations[address] }),
    },
  };
}

/** The published tables, and those of the tenant that the hunt or the case names. */
export function selectTables(
  { tables }: CompiledHunt,
  { rows }: HuntTest,
  schema: QuerySchema,
): QuerySchema["tables"] {
  const names = new Set([
    ...Object.keys(publishedSchema.tables),
    ...tables,
    ...Object.keys(rows).filter((name) => name in schema.tables),
  ]);
  return Object.fromEntries([...names].map((name) => [name, schema.tables[name] ?? {}]));
}

/** Tables that the case does not name have no rows. */
function createTables(
  { rows }: HuntTest,
  now: Ticks,
  readRowsFile: ReadRowsFile,
  columnsByTable: QuerySchema["tables"],
): ReadonlyMap<string, SourceTable> {
  const names = Object.keys(columnsByTable);
  const unknown = Object.keys(rows).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const nearest = suggestWord(unknown, names, 3);
    throw new TestCaseError(
      `/rows/${unknown}: must be a table of advanced hunting.${nearest ? ` Did you mean ${nearest}?` : ""}`,
    );
  }
  return new Map(
    Object.entries(columnsByTable).map(([name, types]) => {
      const given = rows[name] ?? [];
      const namedRows = typeof given === "string" ? readRowsFile(given) : given;
      const columns = Object.entries(types).map(([column, type]) => ({
        name: column,
        type: type as KqlType,
      }));
      return [name, createTestTable(name, columns, namedRows, now)];
    }),
  );
}

function createFileLookup(
  files: readonly NamedValues[],
): (hash: string) => NamedValues | undefined {
  const hashNames = ["SHA1", "SHA256", "MD5"];
  return (hash) =>
    files.find((file) => hashNames.some((name) => String(file[name]).toLowerCase() === hash));
}
