/**
 * Grants app roles to the app's identities, as `infra/graph/app-roles.bicep` does without the
 * Graph extension of Bicep. It can be repeated: granted roles are kept.
 */
import type { Output } from "../output.ts";
import { runAzJson, withPrivateFile, type RunAz } from "./az.ts";

/** Which identities get which roles. */
export interface RolesRequest {
  /** Object id of the identity for hunting and file statistics. */
  readonly huntingPrincipal: string;
  /** Also grant the role of the back-ends `defender` and `legacy`. */
  readonly grantsDefenderHunting: boolean;
  /** Object id of the identity that calls Cloud Apps, where it uses no token. */
  readonly cloudAppsPrincipal: string | undefined;
}

/** Application ids of the APIs, equal in every tenant. */
const graphApi = "00000003-0000-0000-c000-000000000000";
const defenderApi = "fc780465-2017-40d4-a0c5-307022471b92";
const cloudAppsApi = "05a65629-4c1b-48c1-a78b-804c4abdd4af";

interface RoleGrant {
  readonly principal: string;
  readonly api: string;
  readonly role: string;
}

/** Lists the roles that the request needs. */
const listRoleGrants = ({
  huntingPrincipal,
  grantsDefenderHunting,
  cloudAppsPrincipal,
}: RolesRequest): readonly RoleGrant[] => [
  { principal: huntingPrincipal, api: graphApi, role: "ThreatHunting.Read.All" },
  { principal: huntingPrincipal, api: defenderApi, role: "File.Read.All" },
  ...(grantsDefenderHunting
    ? [{ principal: huntingPrincipal, api: defenderApi, role: "AdvancedQuery.Read.All" }]
    : []),
  ...(cloudAppsPrincipal === undefined
    ? []
    : [{ principal: cloudAppsPrincipal, api: cloudAppsApi, role: "Investigation.manage" }]),
];

/** Grants each role that is missing. Requires `az login` as a Privileged Role Administrator. */
export async function grantRoles(
  { az, output }: { readonly az: RunAz; readonly output: Output },
  request: RolesRequest,
): Promise<void> {
  const cloud = await runAzJson<{ endpoints: { microsoftGraphResourceId: string } }>(az, [
    "cloud",
    "show",
  ]);
  const graphUrl = (cloud?.endpoints.microsoftGraphResourceId ?? "").replace(/\/$/, "");
  for (const grant of listRoleGrants(request)) {
    const isNew = await grantRole(az, graphUrl, grant);
    output.line(`${grant.role}: ${isNew ? "granted" : "already granted"}`);
  }
}

interface ServicePrincipal {
  readonly id: string;
  readonly appRoles: readonly {
    readonly id: string;
    readonly value: string;
    readonly allowedMemberTypes: readonly string[];
  }[];
}

interface Assignments {
  readonly value: readonly { readonly appRoleId: string; readonly resourceId: string }[];
}

/** Returns whether the role was missing. */
async function grantRole(
  az: RunAz,
  graphUrl: string,
  { principal, api, role }: RoleGrant,
): Promise<boolean> {
  const url = `${graphUrl}/v1.0/servicePrincipals`;
  const service = await runAzJson<ServicePrincipal>(az, [
    "rest",
    "--url",
    `${url}(appId='${api}')`,
  ]);
  const appRole = service?.appRoles.find(
    ({ value, allowedMemberTypes }) => value === role && allowedMemberTypes.includes("Application"),
  );
  if (!service || !appRole)
    throw new Error(
      `The tenant has no application role ${role}. ` +
        "Assign the product's license and open its portal once, then run this again.",
    );
  const assignmentsUrl = `${url}/${principal}/appRoleAssignments`;
  const held = await runAzJson<Assignments>(az, ["rest", "--url", assignmentsUrl]);
  const isHeld = held?.value.some(
    ({ appRoleId, resourceId }) => appRoleId === appRole.id && resourceId === service.id,
  );
  if (isHeld === true) return false;
  await postJson(az, assignmentsUrl, {
    principalId: principal,
    resourceId: service.id,
    appRoleId: appRole.id,
  });
  return true;
}

/** Sends a body by a file, because shells differ in how they quote JSON. */
async function postJson(az: RunAz, url: string, body: object): Promise<void> {
  await withPrivateFile(JSON.stringify(body), (file) =>
    az([
      "rest",
      "--method",
      "post",
      "--url",
      url,
      "--headers",
      "content-type=application/json",
      "--body",
      `@${file}`,
      "--output",
      "none",
    ]),
  );
}
