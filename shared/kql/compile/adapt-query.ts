/**
 * Adapts a query to today's advanced hunting: renamed tables, and the time column of Defender
 * tables.
 */
import { parseQuery, walkTree, type KqlNode } from "../language/parser.ts";
import { renamedTables } from "../language/renamed-tables.ts";

/** A query after the changes, each named in words. */
export interface AdaptedQuery {
  readonly query: string;
  /**
   * Sentences such as `AADSignInEventsBeta is now EntraIdSignInEvents`; empty when nothing changed.
   */
  readonly changes: readonly string[];
}

/**
 * Puts today's names into a query: of renamed tables and their columns, and `Timestamp` where a
 * query that reads Defender tables only says `TimeGenerated`. Names in string literals and comments
 * stay.
 */
export function adaptQuery(text: string): AdaptedQuery {
  const names = new Set(listNames(text).map(({ text: name }) => name));
  const renames = new Map<string, string>();
  const changes: string[] = [];
  for (const [oldName, table] of renamedTables) {
    if (!names.has(oldName)) continue;
    renames.set(oldName, table.name);
    changes.push(`${oldName} is now ${table.name}`);
    for (const [oldColumn, column] of Object.entries(table.columns)) {
      if (!names.has(oldColumn)) continue;
      renames.set(oldColumn, column);
      changes.push(`${oldColumn} is now ${column}`);
    }
  }
  const query = renameAll(text, renames);
  return usesOnlyForeignTime(query)
    ? {
        query: renameAll(query, new Map([["TimeGenerated", "Timestamp"]])),
        changes: [...changes, "TimeGenerated of a Defender table is Timestamp"],
      }
    : { query, changes };
}

/** True when `TimeGenerated` is the only name that the parser does not know. */
function usesOnlyForeignTime(query: string): boolean {
  if (!/\bTimeGenerated\b/.test(query)) return false;
  const { diagnostics } = parseQuery(query);
  return (
    diagnostics.length > 0 &&
    diagnostics.every(({ end, start }) => query.slice(start, end) === "TimeGenerated") &&
    parseQuery(renameAll(query, new Map([["TimeGenerated", "Timestamp"]]))).diagnostics.length === 0
  );
}

const listNames = (query: string): readonly KqlNode[] =>
  [...walkTree(parseQuery(query).root)].filter(
    ({ isToken, kind }) => isToken && kind === "IdentifierToken",
  );

function renameAll(query: string, renames: ReadonlyMap<string, string>): string {
  if (renames.size === 0) return query;
  return listNames(query)
    .filter(({ text }) => renames.has(text))
    .toSorted((a, b) => b.start - a.start)
    .reduce(
      (text, { end, start, text: name }) =>
        `${text.slice(0, start)}${renames.get(name) ?? name}${text.slice(end)}`,
      query,
    );
}
