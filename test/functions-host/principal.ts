/**
 * A signed-in user to pretend in development, as the App Service front end tells a function about
 * one.
 */

/**
 * @param roles - the app roles of the user's token
 * @returns the front end's headers for a user who signed in with Entra under `name`
 */
export function createPrincipalHeaders(
  name: string,
  roles: readonly string[] = [],
): [string, string][] {
  const claims = {
    auth_typ: "aad",
    name_typ: "name",
    role_typ: "roles",
    claims: [{ typ: "name", val: name }, ...roles.map((role) => ({ typ: "roles", val: role }))],
  };
  return [
    ["x-ms-client-principal", Buffer.from(JSON.stringify(claims)).toString("base64")],
    ["x-ms-client-principal-id", "00000000-0000-0000-0000-000000000001"],
    ["x-ms-client-principal-name", name],
    ["x-ms-client-principal-idp", "aad"],
  ];
}
