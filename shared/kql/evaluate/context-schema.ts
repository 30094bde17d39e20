/** Derives what the parser must know from an evaluation's context. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { tables as publishedTables, type QuerySchema } from "../language/schema.ts";
import type { EvaluationContext } from "./context.ts";

const toTypes = (columns: readonly HuntColumn[]): Readonly<Record<string, string>> =>
  Object.fromEntries(columns.map(({ name, type }) => [name, type]));

function isPublished(name: string, columns: readonly HuntColumn[]): boolean {
  const published = Object.entries(publishedTables[name] ?? {});
  return (
    published.length === columns.length &&
    columns.every(({ name: column, type }) => publishedTables[name]?.[column] === type)
  );
}

const schemasByTables = new WeakMap<
  EvaluationContext["tables"],
  { readonly watchlists: EvaluationContext["watchlists"]; readonly schema: QuerySchema | undefined }
>();

/**
 * Returns the tables and functions beyond the published ones; undefined if there are none. Equal
 * tables have one schema, for which the parser's symbols are built once.
 */
export function findSchema(context: EvaluationContext): QuerySchema | undefined {
  const { tables, watchlists } = context;
  const cached = schemasByTables.get(tables);
  if (cached !== undefined && cached.watchlists === watchlists) return cached.schema;
  const schema = createSchema(context);
  schemasByTables.set(tables, { watchlists, schema });
  return schema;
}

function createSchema({ tables, watchlists }: EvaluationContext): QuerySchema | undefined {
  const own = [...tables].filter(([name, { columns }]) => !isPublished(name, columns));
  if (own.length === 0 && watchlists === undefined) return undefined;
  const lists = [...(watchlists?.values() ?? [])].flatMap(({ columns }) => columns);
  const fields = Object.entries(toTypes(lists)).map(([name, type]) => `['${name}']: ${type}`);
  return {
    tables: Object.fromEntries(own.map(([name, { columns }]) => [name, toTypes(columns)])),
    functions:
      watchlists === undefined
        ? []
        : [
            {
              name: "_GetWatchlist",
              parameters: "(alias: string)",
              body: `{ datatable(${fields.join(", ")}) [] }`,
            },
          ],
  };
}
