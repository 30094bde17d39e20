/** Reads the tables and functions that a tenant has beyond the published ones. Build time only. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toInputFaults } from "../../contracts/input-faults.ts";
import { tableDeclarations, type TableDeclarations } from "../../contracts/table-declarations.ts";
import { decodeText } from "../../runtime/decode-text.ts";
import { publishedSchema, type QuerySchema } from "../language/schema.ts";
import type { HuntProblem } from "./compile-hunt.ts";
import { readYaml } from "./yaml-source.ts";

/** The published schema with a folder's declarations, or the problems of its files. */
export interface DeclaredTables {
  readonly schema: QuerySchema;
  readonly problems: readonly HuntProblem[];
}

/** The declarations that Huntline ships. */
const shippedFolder = join(import.meta.dirname, "../../hunts/tables");

/**
 * Returns the folder with the declarations of a catalog: `tables` beside it, else the one that
 * Huntline ships.
 */
function findTablesFolder(catalogFolder: string): string {
  const beside = join(dirname(catalogFolder), "tables");
  return existsSync(beside) ? beside : shippedFolder;
}

/** Reads the declarations that belong to a catalog, in the order of the files' names. */
export function readDeclaredTables(catalogFolder: string): DeclaredTables {
  const folder = findTablesFolder(catalogFolder);
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => /\.ya?ml$/i.test(file))
        .sort()
    : [];
  const contents = files.map((file): FileContent => {
    const path = join(folder, file);
    return { path, bytes: readFileSync(path) };
  });
  const key = hashContents(contents);
  const declared = cachedTables.get(key) ?? parseContents(contents);
  cachedTables.set(key, declared);
  return declared;
}

interface FileContent {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Declarations by their content: parsing the shipped ones takes 0.3 s of processor time. */
const cachedTables = new Map<string, DeclaredTables>();

function hashContents(contents: readonly FileContent[]): string {
  const hash = createHash("sha256");
  for (const { path, bytes } of contents) hash.update(`${path}\n${bytes.length}\n`).update(bytes);
  return hash.digest("hex");
}

const parseContents = (contents: readonly FileContent[]): DeclaredTables =>
  contents.reduce<DeclaredTables>(
    ({ schema, problems }, { path, bytes }) => {
      const parsed = parseDeclarations(path, bytes);
      return {
        schema: parsed.declarations ? addDeclarations(schema, parsed.declarations) : schema,
        problems: [...problems, ...parsed.problems],
      };
    },
    { schema: publishedSchema, problems: [] },
  );

/** Parses one file. Never throws on bad input. */
export function parseDeclarations(
  file: string,
  bytes: Uint8Array,
): { readonly declarations?: TableDeclarations; readonly problems: readonly HuntProblem[] } {
  const decoded = decodeText(bytes);
  if (decoded.kind === "invalid")
    return { problems: [{ file, line: 1, column: 1, message: decoded.message }] };
  const source = readYaml(decoded.text);
  const [error] = source.errors;
  if (error) return { problems: [{ file, ...error }] };
  const parsed = tableDeclarations.safeParse(source.values ?? {});
  if (!parsed.success)
    return {
      problems: toInputFaults(parsed.error).map(({ path, message }) => ({
        file,
        ...source.locateKey(path.split("/")[1] ?? ""),
        message: `${path}: ${message}`,
      })),
    };
  const problems = findTimeFaults(parsed.data).map((message) => ({
    file,
    ...source.locateKey("tables"),
    message,
  }));
  return problems.length > 0 ? { problems } : { declarations: parsed.data, problems };
}

const findTimeFaults = ({ tables }: TableDeclarations): readonly string[] =>
  Object.entries(tables).flatMap(([name, { timeColumn, columns }]) => {
    if (timeColumn === undefined) return [];
    const type = columns[timeColumn] ?? publishedSchema.tables[name]?.[timeColumn];
    return type === "datetime"
      ? []
      : [`/tables/${name}/timeColumn: must be the name of a datetime column of the table`];
  });

/** Adds declarations to a schema; a table that it has gains the declared columns. */
function addDeclarations(
  schema: QuerySchema,
  { product, tables, functions }: TableDeclarations,
): QuerySchema {
  const declared = Object.entries(tables);
  return {
    tables: {
      ...schema.tables,
      ...Object.fromEntries(
        declared.map(([name, { columns }]) => [name, { ...schema.tables[name], ...columns }]),
      ),
    },
    functions: [...schema.functions, ...toSchemaFunctions(functions)],
    timeColumns: {
      ...schema.timeColumns,
      ...Object.fromEntries(
        declared.flatMap(([name, { timeColumn }]) =>
          timeColumn === undefined ? [] : [[name, timeColumn]],
        ),
      ),
    },
    products: {
      ...schema.products,
      ...Object.fromEntries(
        product === undefined
          ? []
          : declared
              .filter(([name]) => publishedSchema.tables[name] === undefined)
              .map(([name]) => [name, product]),
      ),
    },
  };
}

const toSchemaFunctions = (functions: TableDeclarations["functions"]): QuerySchema["functions"] =>
  Object.entries(functions).map(([name, { parameters, columns }]) => {
    const declared = Object.entries(columns).map(([column, type]) => `['${column}']: ${type}`);
    return { name, parameters, body: `{ datatable(${declared.join(", ")}) [] }` };
  });
