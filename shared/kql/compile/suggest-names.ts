/** Adds "Did you mean …?" to the language service's errors about unknown names. */
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import type { QuerySchema } from "../language/schema.ts";

/** Suggests a table, or a column of the tables that the query names. */
export function addSuggestion<T extends { readonly message: string }>(
  query: string,
  diagnostic: T,
  { tables }: QuerySchema,
): T {
  const [, name] = /^The name '([^']+)' does not refer to/.exec(diagnostic.message) ?? [];
  if (name === undefined) return diagnostic;
  const words = new Set(query.match(/\w+/g));
  const columns = Object.keys(tables)
    .filter((table) => words.has(table))
    .flatMap((table) => Object.keys(tables[table] ?? {}));
  const suggestion = formatSuggestion(name, [...columns, ...Object.keys(tables)]);
  return { ...diagnostic, message: `${diagnostic.message}${suggestion}` };
}
