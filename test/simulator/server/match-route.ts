/** Finds the route of a path. */
import type { Route } from "./exchange.ts";

const compiledPatterns = new Map<string, RegExp>();

/** Returns the first route that matches this method and path, with its path parameters. */
export function matchRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { readonly route: Route; readonly params: Record<string, string> } | undefined {
  for (const route of routes) {
    if (!route.methods.includes(method)) continue;
    const match = compilePattern(route.pattern).exec(path);
    if (match) return { route, params: decodeParams(match.groups ?? {}) };
  }
  return undefined;
}

function compilePattern(pattern: string): RegExp {
  let expression = compiledPatterns.get(pattern);
  if (!expression) {
    const source = pattern
      .replaceAll(/[.$*+?^()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    expression = new RegExp(`^${source}$`, "i");
    compiledPatterns.set(pattern, expression);
  }
  return expression;
}

function decodeParams(groups: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(groups).map(([name, value]) => {
      try {
        return [name, decodeURIComponent(value)];
      } catch {
        return [name, value];
      }
    }),
  );
}
