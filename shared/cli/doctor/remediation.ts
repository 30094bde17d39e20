/** From what went wrong to the command that mends it: tables, in the words of `infra/README.md`. */
import type { SecretError } from "../../clients/vault.ts";
import type { HuntingReply } from "../../hunts/ports.ts";
import { isTenantRefusal } from "../../http-pipeline/read-failure.ts";
import type { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import { reportError, type DoctorFinding } from "./finding.ts";

/** The names that commands need, as far as the settings tell them. */
export interface ResourceNames {
  readonly vault: string;
  readonly appClientId: string;
  readonly responseIdentity: string;
}

const toSettingCommand = (setting: string): string =>
  `az functionapp config appsettings set --resource-group <group> --name <app> --settings ${setting}`;

/** What an operator does about Entra's codes. */
const entraFixes: Readonly<Record<string, (names: ResourceNames) => string>> = {
  AADSTS7000215: renewAppSecret,
  AADSTS7000222: renewAppSecret,
  AADSTS700016: () => toSettingCommand("APP_CLIENT_ID=<the app's client id>"),
  AADSTS90002: () => toSettingCommand("TENANT_ID=$(az account show --query tenantId --output tsv)"),
  AADSTS900023: () =>
    toSettingCommand("TENANT_ID=$(az account show --query tenantId --output tsv)"),
  AADSTS70011: () => toSettingCommand("CLOUD=<public, gcc, gcchigh or dod>"),
  AADSTS500011: () =>
    "The product is not set up in this tenant: assign its licence, open its portal once, then run the doctor again.",
  AADSTS700213: ({ appClientId }) =>
    `az ad app federated-credential create --id ${appClientId} --parameters <file>`,
};

function renewAppSecret({ appClientId, vault }: ResourceNames): string {
  return (
    `az ad app credential reset --id ${appClientId} --query password --output tsv |` +
    ` az keyvault secret set --vault-name ${vault} --name defender-client-secret --file /dev/stdin --output none`
  );
}

const identityFix =
  "az functionapp identity assign --resource-group <group> --name <app> --identities <resource id of the identity>";
export const networkFix =
  "Look the host up from here (nslookup <host>); with networkProfile=private only the app's own network reaches it.";

/** What mends an error of Entra's, told by its words: `undefined` when it is not Entra's. */
export function findEntraFix(errorText: string, names: ResourceNames): string | undefined {
  if (!/\bentra: /.test(errorText)) return undefined;
  const fix = entraFixes[/AADSTS\d+/.exec(errorText)?.[0] ?? ""];
  if (fix) return fix(names);
  return /is not assigned/.test(errorText) ? identityFix : networkFix;
}

const toMakeSecretCommand = (vault: string, name: string): string =>
  name === "cloud-apps-token"
    ? `bash infra/scripts/make-secrets.sh ${vault} --cloud-apps-token`
    : `bash infra/scripts/make-secrets.sh ${vault} --renew ${name}`;

/** A secret that cannot be read. */
export function toSecretFinding(error: SecretError, names: ResourceNames): DoctorFinding {
  const subject = `secret ${error.secret}`;
  const message = error.message;
  if (/ForbiddenByFirewall|ForbiddenByConnection/.test(message))
    return reportError(
      subject,
      message,
      `az keyvault network-rule add --name ${names.vault} --ip-address <this machine's address>`,
    );
  if (/\b403\b/.test(message))
    return reportError(
      subject,
      message,
      `az role assignment create --role "Key Vault Secrets User" --assignee ${names.responseIdentity}` +
        ` --scope $(az keyvault show --name ${names.vault} --query id --output tsv)`,
    );
  if (/\b401\b/.test(message))
    return reportError(subject, message, toSettingCommand("TENANT_ID=<the tenant of the vault>"));
  if (error.isTransient) return reportError(subject, message, networkFix);
  return reportError(subject, message, findSecretFix(names, error.secret));
}

/** Makes or renews a secret of the vault; the app's own comes from Entra. */
export const findSecretFix = (names: ResourceNames, name: string): string =>
  name === "defender-client-secret"
    ? renewAppSecret(names)
    : toMakeSecretCommand(names.vault, name);

/** What each API's errors mean, besides Entra's. */
const apiFixes = {
  files: {
    forbidden: "bash infra/graph/grant.sh <HUNT_PRINCIPAL_ID>",
    unauthorized: toSettingCommand("CLOUD=<public, gcc, gcchigh or dod>"),
    licence:
      "Assign a licence of Defender for Endpoint P2 and open https://security.microsoft.com once.",
    address: toSettingCommand("DEFENDER_GEO=<us, eu, uk, au, swa, ina or aea>"),
  },
  "cloud-apps": {
    forbidden:
      "bash infra/graph/grant.sh <HUNT_PRINCIPAL_ID> --cloud-apps <ACT_PRINCIPAL_ID>" +
      " (a portal token has the rights of who made it)",
    unauthorized: "bash infra/scripts/make-secrets.sh <vault> --cloud-apps-token",
    licence: "Assign a licence of Defender for Cloud Apps and open its portal once.",
    address: toSettingCommand(
      "CLOUD_APPS_URL=https://<tenant>.<region>.portal.cloudappsecurity.com",
    ),
  },
} as const;

/** Why a call to the files API or to Cloud Apps failed. */
export function toApiFinding(
  api: keyof typeof apiFixes,
  error: UpstreamError,
  names: ResourceNames,
): DoctorFinding {
  const fixes = apiFixes[api];
  const errorText = error.upstreamMessage
    ? `${error.message}: ${error.upstreamMessage}`
    : error.message;
  const entraFix = findEntraFix(error.message, names);
  if (entraFix !== undefined) return reportError(api, error.message, entraFix);
  if (isTenantRefusal(error.upstreamMessage ?? ""))
    return reportError(api, errorText, fixes.licence);
  switch (error.code) {
    case "forbidden":
      return reportError(api, errorText, fixes.forbidden);
    case "unauthorized":
      return reportError(api, errorText, fixes.unauthorized.replace("<vault>", names.vault));
    case "throttled":
      return {
        subject: api,
        state: "limited",
        message: errorText,
        fix: "Nothing: the quota is used up for now, by Huntline or by others.",
      };
    case "notFound":
    case "unexpectedResponse":
      return reportError(api, errorText, fixes.address);
    case "unavailable":
      // A page in the place of an answer: somebody else's address.
      return reportError(api, errorText, error.status === undefined ? networkFix : fixes.address);
    case "rejected":
      return reportError(api, errorText, fixes.address);
  }
}

type HuntingCause = Extract<HuntingReply, { kind: "refused" }>["cause"];

const huntingFixes: Readonly<Record<HuntingCause, string>> = {
  permission:
    "bash infra/graph/grant.sh <HUNT_PRINCIPAL_ID> (with --defender-hunting unless HUNTING_API is graph)",
  authentication: toSettingCommand("CLOUD=<public, gcc, gcchigh or dod>"),
  tenant:
    "Assign a licence of Defender XDR or Defender for Endpoint P2 and open https://security.microsoft.com once.",
  retired: `${toSettingCommand("HUNTING_API=graph")} (after bash infra/graph/grant.sh <HUNT_PRINCIPAL_ID>)`,
  // A query of one literal that is refused was answered by something else than hunting.
  query: toSettingCommand("HUNTING_API=<graph, defender or legacy>"),
  table: toSettingCommand("HUNTING_API=<graph, defender or legacy>"),
};

/** What mends a refusal of hunting as a whole. */
export const findHuntingFix = (cause: HuntingCause): string => huntingFixes[cause];
