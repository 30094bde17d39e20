/** The API's own description, which the build has made, under the address at which it was asked for. */

/** A description of either form names its address on its own way. */
export type ApiForm = "openapi" | "swagger";

/** The route prefix of `host.json`. */
export const apiPrefix = "/api";

/** The same description with the address that the request came in on: an import then calls the right app. */
export function withServerUrl(form: ApiForm, description: object, requestUrl: string): object {
  const { host, origin, protocol } = new URL(requestUrl);
  return form === "openapi"
    ? { ...description, servers: [{ url: `${origin}${apiPrefix}` }] }
    : { ...description, host, schemes: [protocol.slice(0, -1)] };
}
