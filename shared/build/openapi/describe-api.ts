/** The two descriptions of what the app registered. */
import type { Registrations } from "../../contracts/registrations.ts";
import { describedOperations } from "./list-operations.ts";
import { createOpenApi, type DescribedRoute, type OpenApiDocument } from "./openapi.ts";
import { listHttpRoutes } from "./routes.ts";
import type { Json } from "./schemas.ts";
import { createSwagger } from "./swagger.ts";

export interface ApiDescriptions {
  readonly openapi: OpenApiDocument;
  readonly swagger: Json;
}

/**
 * Creates both forms of the description.
 *
 * @param version - version of the app
 * @throws Error naming functions without a description, descriptions without a function, and fields
 *   without a sentence
 */
export function describeApi(registrations: Registrations, version: string): ApiDescriptions {
  const routes = listHttpRoutes(registrations);
  const describedRoutes: DescribedRoute[] = routes.flatMap((route) => {
    const operation = describedOperations[route.name];
    return operation ? [{ ...route, operation }] : [];
  });
  const undescribed = routes
    .filter(({ name }) => !Object.hasOwn(describedOperations, name))
    .map(({ name }) => name);
  const unregistered = Object.keys(describedOperations).filter(
    (name) => !routes.some((route) => route.name === name),
  );
  if (undescribed.length > 0)
    throw new Error(
      `No description of ${undescribed.join(", ")}: add it in shared/build/openapi/list-operations.ts.`,
    );
  if (unregistered.length > 0)
    throw new Error(
      `No function is named ${unregistered.join(", ")}: remove its description in shared/build/openapi.`,
    );
  const openapi = createOpenApi(describedRoutes, version);
  return { openapi, swagger: createSwagger(openapi, describedRoutes) };
}
