/** The API description, which the build creates, with the host of the request. */

/** The two forms; each states its host in its own way. */
export type ApiForm = "openapi" | "swagger";

/** The route prefix of `host.json`. */
export const apiPrefix = "/api";

/**
 * Sets the host of the request, so that an import calls this app.
 *
 * @param requestUrl - as callers see it; the path before `/api` belongs to a gateway
 */
export function withServerUrl(form: ApiForm, description: object, requestUrl: string): object {
  const { host, origin, pathname, protocol } = new URL(requestUrl);
  const basePath = pathname.slice(0, pathname.lastIndexOf(`${apiPrefix}/`)) + apiPrefix;
  return form === "openapi"
    ? { ...description, servers: [{ url: `${origin}${basePath}` }] }
    : { ...description, host, basePath, schemes: [protocol.slice(0, -1)] };
}
