/** From what went wrong to the command that mends it: tables, in the words of `infra/README.md`. */
import type { SecretError } from "../../clients/vault.ts";
import type { HuntingReply } from "../../hunts/ports.ts";
import { isTenantRefusal } from "../../http-pipeline/read-body.ts";
import type { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import { ill, type Finding } from "./finding.ts";

/** The names that commands need, as far as the settings tell them. */
export interface Names {
  readonly vault: string;
  readonly appClientId: string;
  readonly actIdentity: string;
}

const set = (setting: string): string =>
  `az functionapp config appsettings set --resource-group <group> --name <app> --settings ${setting}`;

/** What an operator does about Entra's codes. */
const entraMends: Readonly<Record<string, (names: Names) => string>> = {
  AADSTS7000215: renewAppSecret,
  AADSTS7000222: renewAppSecret,
  AADSTS700016: () => set("APP_CLIENT_ID=<the app's client id>"),
  AADSTS90002: () => set("TENANT_ID=$(az account show --query tenantId --output tsv)"),
  AADSTS900023: () => set("TENANT_ID=$(az account show --query tenantId --output tsv)"),
  AADSTS70011: () => set("CLOUD=<public, gcc, gcchigh or dod>"),
  AADSTS500011: () =>
    "The product is not set up in this tenant: assign its licence, open its portal once, then run the doctor again.",
  AADSTS700213: ({ appClientId }) =>
    `az ad app federated-credential create --id ${appClientId} --parameters <file>`,
};

function renewAppSecret({ appClientId, vault }: Names): string {
  return (
    `az ad app credential reset --id ${appClientId} --query password --output tsv |` +
    ` az keyvault secret set --vault-name ${vault} --name defender-client-secret --file /dev/stdin --output none`
  );
}

const identityMend =
  "az functionapp identity assign --resource-group <group> --name <app> --identities <resource id of the identity>";
export const networkMend =
  "Look the host up from here (nslookup <host>); with networkProfile=private only the app's own network reaches it.";

/** What mends an error of Entra's, told by its words: `undefined` when it is not Entra's. */
export function entraMend(said: string, names: Names): string | undefined {
  if (!/\bentra: /.test(said)) return undefined;
  const mend = entraMends[/AADSTS\d+/.exec(said)?.[0] ?? ""];
  if (mend) return mend(names);
  return /is not assigned/.test(said) ? identityMend : networkMend;
}

const makeSecret = (vault: string, name: string): string =>
  name === "cloud-apps-token"
    ? `bash infra/scripts/make-secrets.sh ${vault} --cloud-apps-token`
    : `bash infra/scripts/make-secrets.sh ${vault} --renew ${name}`;

/** A secret that cannot be read. */
export function secretFinding(error: SecretError, names: Names): Finding {
  const about = `secret ${error.secret}`;
  const says = error.message;
  if (/ForbiddenByFirewall|ForbiddenByConnection/.test(says))
    return ill(
      about,
      says,
      `az keyvault network-rule add --name ${names.vault} --ip-address <this machine's address>`,
    );
  if (/\b403\b/.test(says))
    return ill(
      about,
      says,
      `az role assignment create --role "Key Vault Secrets User" --assignee ${names.actIdentity}` +
        ` --scope $(az keyvault show --name ${names.vault} --query id --output tsv)`,
    );
  if (/\b401\b/.test(says)) return ill(about, says, set("TENANT_ID=<the tenant of the vault>"));
  if (error.passing) return ill(about, says, networkMend);
  return ill(about, says, mendSecret(names, error.secret));
}

/** Makes or renews a secret of the vault; the app's own comes from Entra. */
export const mendSecret = (names: Names, name: string): string =>
  name === "defender-client-secret" ? renewAppSecret(names) : makeSecret(names.vault, name);

/** What each API's errors mean, besides Entra's. */
const apiMends = {
  files: {
    forbidden: "bash infra/graph/grant.sh <HUNT_PRINCIPAL_ID>",
    unauthorized: set("CLOUD=<public, gcc, gcchigh or dod>"),
    licence:
      "Assign a licence of Defender for Endpoint P2 and open https://security.microsoft.com once.",
    address: set("DEFENDER_GEO=<us, eu, uk, au, swa, ina or aea>"),
  },
  "cloud-apps": {
    forbidden:
      "bash infra/graph/grant.sh <HUNT_PRINCIPAL_ID> --cloud-apps <ACT_PRINCIPAL_ID>" +
      " (a portal token has the rights of who made it)",
    unauthorized: "bash infra/scripts/make-secrets.sh <vault> --cloud-apps-token",
    licence: "Assign a licence of Defender for Cloud Apps and open its portal once.",
    address: set("CLOUD_APPS_URL=https://<tenant>.<region>.portal.cloudappsecurity.com"),
  },
} as const;

/** Why a call to the files API or to Cloud Apps failed. */
export function apiFinding(
  api: keyof typeof apiMends,
  error: UpstreamError,
  names: Names,
): Finding {
  const mends = apiMends[api];
  const said = error.upstreamMessage ? `${error.message}: ${error.upstreamMessage}` : error.message;
  const mendEntra = entraMend(error.message, names);
  if (mendEntra !== undefined) return ill(api, error.message, mendEntra);
  if (isTenantRefusal(error.upstreamMessage ?? "")) return ill(api, said, mends.licence);
  switch (error.code) {
    case "forbidden":
      return ill(api, said, mends.forbidden);
    case "unauthorized":
      return ill(api, said, mends.unauthorized.replace("<vault>", names.vault));
    case "throttled":
      return {
        about: api,
        state: "limited",
        says: said,
        mend: "Nothing: the quota is used up for now, by Huntline or by others.",
      };
    case "not-found":
    case "unexpected-answer":
      return ill(api, said, mends.address);
    case "unavailable":
      // A page in the place of an answer: somebody else's address.
      return ill(api, said, error.status === undefined ? networkMend : mends.address);
    case "rejected":
      return ill(api, said, mends.address);
  }
}

type HuntingCause = Extract<HuntingReply, { kind: "refused" }>["cause"];

const huntingMends: Readonly<Record<HuntingCause, string>> = {
  permission:
    "bash infra/graph/grant.sh <HUNT_PRINCIPAL_ID> (with --defender-hunting unless HUNTING_API is graph)",
  authentication: set("CLOUD=<public, gcc, gcchigh or dod>"),
  tenant:
    "Assign a licence of Defender XDR or Defender for Endpoint P2 and open https://security.microsoft.com once.",
  retired: `${set("HUNTING_API=graph")} (after bash infra/graph/grant.sh <HUNT_PRINCIPAL_ID>)`,
  // A query of one literal that is refused was answered by something else than hunting.
  query: set("HUNTING_API=<graph, defender or legacy>"),
  table: set("HUNTING_API=<graph, defender or legacy>"),
};

/** What mends a refusal of hunting as a whole. */
export const huntingMend = (cause: HuntingCause): string => huntingMends[cause];
