/** Lists the HTTP functions that the app registered, from `dist/registrations.json`. */
import type { Registrations } from "../../contracts/registrations.ts";

/** One method and path. */
export interface Route {
  readonly name: string;
  /** Lower case. */
  readonly method: string;
  /** With a leading slash, relative to the prefix. */
  readonly path: string;
  /** False when the function checks another authentication, or none. */
  readonly requiresFunctionKey: boolean;
}

interface HttpBinding {
  readonly type: string;
  readonly methods: readonly string[];
  readonly authLevel: string;
  readonly route: string;
}

/** Functions that serve a page to browsers and are not part of the API. */
const pages: ReadonlySet<string> = new Set(["get_console"]);

/** Returns each method of each path, in the order of path and method. */
export function listHttpRoutes({ functions }: Registrations): readonly Route[] {
  return functions
    .filter(({ name }) => !pages.has(name))
    .flatMap((registered) => {
      // The library's own metadata, which its types do not show.
      const { name, bindings } = registered as {
        name: string;
        bindings: Readonly<Record<string, HttpBinding>>;
      };
      return Object.values(bindings)
        .filter(({ type }) => type === "httpTrigger")
        .flatMap(({ methods, route, authLevel }) =>
          // HEAD is GET without a body, and has no description of its own.
          methods
            .filter((method) => method !== "HEAD")
            .map((method) => ({
              name,
              method: method.toLowerCase(),
              path: `/${route}`,
              requiresFunctionKey: authLevel === "function",
            })),
        );
    })
    .toSorted((one, other) => {
      const [left, right] = [`${one.path} ${one.method}`, `${other.path} ${other.method}`];
      return left < right ? -1 : 1;
    });
}
