/**
 * Adapts a query to today's advanced hunting: renamed tables, and the time column of Defender
 * tables.
 */
import type { QuerySchema } from "../language/schema.ts";
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
export function adaptQuery(text: string, schema: QuerySchema): AdaptedQuery {
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
  const timed = renameForeignTime(query, schema);
  return timed === undefined
    ? { query, changes }
    : { query: timed, changes: [...changes, "TimeGenerated of a Defender table is Timestamp"] };
}

const maxTimePasses = 8;

/**
 * Puts `Timestamp` where `TimeGenerated` is the only name that the parser does not know. Each pass
 * may reveal the next place: what the first one projects, a later step names. Returns undefined
 * when errors remain.
 */
function renameForeignTime(query: string, schema: QuerySchema): string | undefined {
  let renamed = query;
  for (let pass = 0; pass < maxTimePasses; pass += 1) {
    const { diagnostics } = parseQuery(renamed, schema);
    if (diagnostics.length === 0) return pass === 0 ? undefined : renamed;
    const places = new Set(
      diagnostics
        .filter(({ start, end }) => renamed.slice(start, end) === "TimeGenerated")
        .map(({ start }) => start),
    );
    if (places.size === 0) return undefined;
    renamed = [...places]
      .toSorted((a, b) => b - a)
      .reduce(
        (text, start) =>
          `${text.slice(0, start)}Timestamp${text.slice(start + "TimeGenerated".length)}`,
        renamed,
      );
  }
  return undefined;
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
