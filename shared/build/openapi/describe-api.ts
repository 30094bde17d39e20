/** The two descriptions of what the app registered. */
import type { Registrations } from "../../contracts/registrations.ts";
import { describedDoors } from "./list-operations.ts";
import { openApi, type DescribedRoute, type OpenApiDocument } from "./openapi.ts";
import { httpRoutes } from "./routes.ts";
import type { Json } from "./schemas.ts";
import { swagger } from "./swagger.ts";

export interface Descriptions {
  readonly openapi: OpenApiDocument;
  readonly swagger: Json;
}

/**
 * @param version - of the app
 * @throws Error naming doors without a description, descriptions without a door, and fields without words
 */
export function describeDoors(registrations: Registrations, version: string): Descriptions {
  const routes = httpRoutes(registrations);
  const described: DescribedRoute[] = routes.flatMap((route) => {
    const door = describedDoors[route.name];
    return door ? [{ ...route, door }] : [];
  });
  const missing = routes
    .filter(({ name }) => !Object.hasOwn(describedDoors, name))
    .map(({ name }) => name);
  const idle = Object.keys(describedDoors).filter(
    (name) => !routes.some((route) => route.name === name),
  );
  if (missing.length > 0)
    throw new Error(
      `No description of ${missing.join(", ")}: add it in shared/build/openapi/list-operations.ts.`,
    );
  if (idle.length > 0)
    throw new Error(
      `No door is called ${idle.join(", ")}: remove its description in shared/build/openapi.`,
    );
  const openapi = openApi(described, version);
  return { openapi, swagger: swagger(openapi, described) };
}
