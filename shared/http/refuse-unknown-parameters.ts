/** Refuses query parameters that a function does not have, like unknown members of a body. */
import { functionsWithAnyQuery, queryNames } from "../contracts/query-names.ts";
import { Problem } from "../contracts/problem.ts";
import { formatSuggestion } from "../runtime/suggest-word.ts";

/** Parameters of the platform: the function key and its name. */
const platformNames: ReadonlySet<string> = new Set(["code", "clientid"]);

/**
 * Names are compared without case, because the platform merges names that differ in case only.
 *
 * @throws Problem 400 naming each unknown parameter and the nearest known one
 */
export function refuseUnknownParameters(functionName: string, query: URLSearchParams): void {
  if (functionsWithAnyQuery.has(functionName)) return;
  const known = queryNames[functionName] ?? [];
  const accepted = new Set(known.map((name) => name.toLowerCase()));
  const unknown = [...new Set(query.keys())].filter((name) => {
    const lowerName = name.toLowerCase();
    return !accepted.has(lowerName) && !platformNames.has(lowerName);
  });
  if (unknown.length === 0) return;
  throw new Problem(400, "The query is invalid.", {
    errors: unknown.map((name) => ({
      path: `/${name.slice(0, 80)}`,
      message: `unknown parameter; remove it or check its spelling.${formatSuggestion(name, known)}`,
    })),
  });
}
