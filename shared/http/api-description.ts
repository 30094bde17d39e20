/** The API description, which the build creates, with the host of the request. */

/** The two forms; each states its host in its own way. */
export type ApiForm = "openapi" | "swagger";

/** The route prefix of `host.json`. */
export const apiPrefix = "/api";

/** Sets the host of the request, so that an import calls this app. */
export function withServerUrl(form: ApiForm, description: object, requestUrl: string): object {
  const { host, origin, protocol } = new URL(requestUrl);
  return form === "openapi"
    ? { ...description, servers: [{ url: `${origin}${apiPrefix}` }] }
    : { ...description, host, schemes: [protocol.slice(0, -1)] };
}
