/** Maps failures to the commands that fix them; `infra/README.md` uses the same commands. */
import type { SecretError } from "../../clients/read-secret.ts";
import { isTenantRefusal } from "../../http-pipeline/read-failure.ts";
import { UpstreamError, type UpstreamErrorCode } from "../../http-pipeline/upstream-error.ts";
import type { HuntingReply } from "../../hunts/ports.ts";
import { SettingsError } from "../../runtime/settings.ts";
import { reportError, reportWarning, type DoctorFinding } from "./finding.ts";

/** The names that commands need, as far as the settings have them. */
export interface ResourceNames {
  readonly vault: string;
  readonly vaultHost: string;
  readonly huntingHost: string;
  readonly filesHost: string;
  readonly cloudAppsHost: string;
  readonly storageHost: string;
  readonly appClientId: string;
  readonly responseIdentity: string;
  /** False on a machine that can request no token by itself. */
  readonly hasManagedIdentity: boolean;
}

const toSettingCommand = (setting: string): string =>
  "az functionapp config appsettings set --resource-group <group> --name <app>" +
  ` --settings ${setting}`;

const tenantFix = toSettingCommand("TENANT_ID=$(az account show --query tenantId --output tsv)");

/** What fixes each of Entra's error codes. */
const entraFixes: Readonly<Record<string, (names: ResourceNames) => string>> = {
  AADSTS7000215: renewAppSecret,
  AADSTS7000222: renewAppSecret,
  AADSTS700016: () => toSettingCommand("APP_CLIENT_ID=<the app's client id>"),
  AADSTS90002: () => tenantFix,
  AADSTS900023: () => tenantFix,
  AADSTS70011: () => toSettingCommand("CLOUD=<public, gcc, gcchigh or dod>"),
  AADSTS500011: () =>
    "The product is not set up in this tenant: assign its license, open its portal once," +
    " then run the doctor again.",
  AADSTS700213: ({ appClientId }) =>
    `az ad app federated-credential create --id ${appClientId} --parameters <file>`,
};

function renewAppSecret({ appClientId, vault }: ResourceNames): string {
  return (
    `az ad app credential reset --id ${appClientId} --query password --output tsv |` +
    ` az keyvault secret set --vault-name ${vault} --name defender-client-secret` +
    " --file /dev/stdin --output none"
  );
}

const identityFix =
  "az functionapp identity assign --resource-group <group> --name <app>" +
  " --identities <resource id of the identity>";

const noIdentityFix =
  "This machine has no managed identity. Set APP_CLIENT_ID, APP_CREDENTIAL=secret and put" +
  " defender-client-secret in the vault; or, to check a deployed app, run: az login, then" +
  " npm run azure -- check <group> <app>";

export const networkFix = (host: string): string =>
  `Check that this machine reaches the host: nslookup ${host}. With networkProfile=private only` +
  " the app's own network reaches storage and vault.";

/** Returns what fixes an error of Entra; `undefined` for an error of another service. */
export function findEntraFix(errorText: string, names: ResourceNames): string | undefined {
  if (!/\bentra: /.test(errorText)) return undefined;
  const fix = entraFixes[/AADSTS\d+/.exec(errorText)?.[0] ?? ""];
  if (fix) return fix(names);
  if (/is not assigned/.test(errorText)) return identityFix;
  return names.hasManagedIdentity ? networkFix("login.microsoftonline.com") : noIdentityFix;
}

const storageFixes: Readonly<Record<string, (names: ResourceNames) => string>> = {
  AuthorizationPermissionMismatch: () =>
    "az deployment group create --resource-group <group> --parameters infra/main.bicepparam",
  AuthorizationFailure: ({ storageHost }) =>
    `az storage account network-rule add --account-name ${storageHost.split(".")[0] ?? ""}` +
    " --ip-address <this machine's address>",
};

/** Converts a failure of the data storage. @throws what is not such a failure */
export function toStorageFinding(error: unknown, names: ResourceNames): DoctorFinding {
  if (error instanceof SettingsError)
    return reportError(
      "storage",
      error.message,
      "Set DataStorage (a connection string), or DataStorage__blobServiceUri and" +
        " DataStorage__queueServiceUri.",
    );
  if (!(error instanceof UpstreamError)) throw error;
  const { status, upstreamCode: code = error.code } = error;
  const reason = [status, code].filter(Boolean).join(" ");
  const message = `${names.storageHost} cannot be used (${reason})`;
  const fix = storageFixes[code]?.(names);
  if (fix !== undefined) return reportError("storage", message, fix);
  if (status === 401 || status === 403)
    return reportError(
      "storage",
      message,
      "Check DataStorage: the key or identity must belong to this account.",
    );
  const isLocal = names.storageHost === "127.0.0.1" || names.storageHost === "localhost";
  return reportError(
    "storage",
    message,
    isLocal
      ? "Start the local storage: npx azurite (npm start runs its own; then use --simulator)."
      : networkFix(names.storageHost),
  );
}

const toMakeSecretCommand = (vault: string, name: string): string =>
  name === "cloud-apps-token"
    ? `npm run azure -- secrets ${vault} --cloud-apps-token`
    : `npm run azure -- secrets ${vault} --renew ${name}`;

/** Converts a failure to read a secret. */
export function toSecretFinding(error: SecretError, names: ResourceNames): DoctorFinding {
  const subject = `secret ${error.secret}`;
  const message = error.message.replace(`${subject}: `, "");
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
      `az role assignment create --role "Key Vault Secrets User"` +
        ` --assignee ${names.responseIdentity}` +
        ` --scope $(az keyvault show --name ${names.vault} --query id --output tsv)`,
    );
  if (/\b401\b/.test(message))
    return reportError(subject, message, toSettingCommand("TENANT_ID=<the tenant of the vault>"));
  if (error.isTransient)
    return reportError(
      subject,
      message,
      names.hasManagedIdentity ? networkFix(names.vaultHost) : noIdentityFix,
    );
  return reportError(subject, message, findSecretFix(names, error.secret));
}

/** Returns the command that creates or renews a secret of the vault. */
export const findSecretFix = (names: ResourceNames, name: string): string =>
  name === "defender-client-secret"
    ? renewAppSecret(names)
    : toMakeSecretCommand(names.vault, name);

/** A role that was just granted takes effect when the cached token expires. */
const grantNote = " (a new role takes effect within 24 hours: tokens of identities are cached)";

interface ApiFixes {
  readonly forbidden: string;
  readonly unauthorized: string;
  readonly license: string;
  readonly address: string;
}

/** What fixes each API's own errors. */
const apiFixes = {
  files: () => ({
    forbidden: `npm run azure -- roles <HUNTING_PRINCIPAL_ID>${grantNote}`,
    unauthorized: toSettingCommand("CLOUD=<public, gcc, gcchigh or dod>"),
    license:
      "Assign a license of Defender for Endpoint P2 and open https://security.microsoft.com.",
    address: toSettingCommand("DEFENDER_GEO=<us, eu, uk, au, swa, ina or aea>"),
  }),
  "cloud-apps": ({ vault }: ResourceNames) => ({
    forbidden:
      "npm run azure -- roles <HUNTING_PRINCIPAL_ID> --cloud-apps <RESPONSE_PRINCIPAL_ID>" +
      " (a portal token has the rights of the account that created it)",
    unauthorized: `npm run azure -- secrets ${vault} --cloud-apps-token`,
    license: "Assign a license of Defender for Cloud Apps and open its portal once.",
    address: toSettingCommand(
      "CLOUD_APPS_URL=https://<tenant>.<region>.portal.cloudappsecurity.com",
    ),
  }),
} as const satisfies Record<string, (names: ResourceNames) => ApiFixes>;

/** Which fix applies to each error code. A page instead of JSON has a status: a wrong address. */
const fixByCode: Readonly<Record<UpstreamErrorCode, keyof ApiFixes | "wait">> = {
  forbidden: "forbidden",
  unauthorized: "unauthorized",
  throttled: "wait",
  unavailable: "address",
  notFound: "address",
  unexpectedResponse: "address",
  rejected: "address",
};

/** Converts a failure of the file API or of Cloud Apps. */
export function toApiFinding(
  api: keyof typeof apiFixes,
  error: UpstreamError,
  names: ResourceNames,
): DoctorFinding {
  const fixes = apiFixes[api](names);
  const { code, status, upstreamMessage = "" } = error;
  const errorText = upstreamMessage ? `${error.message}: ${upstreamMessage}` : error.message;
  const entraFix = findEntraFix(error.message, names);
  if (entraFix !== undefined) return reportError(api, error.message, entraFix);
  if (error.api === "storage") return toStorageFinding(error, names);
  if (isTenantRefusal(upstreamMessage)) return reportError(api, errorText, fixes.license);
  const fix = fixByCode[code];
  if (fix === "wait")
    return reportWarning(api, errorText, "No action: the quota is used up for now.");
  const host = api === "files" ? names.filesHost : names.cloudAppsHost;
  return code === "unavailable" && status === undefined
    ? reportError(api, errorText, networkFix(host))
    : reportError(api, errorText, fixes[fix]);
}

type HuntingCause = Extract<HuntingReply, { kind: "refused" }>["cause"];

const backEndFix = toSettingCommand("HUNTING_API=<graph, defender or legacy>");
const huntingFixes: Readonly<Record<HuntingCause, string>> = {
  permission:
    "npm run azure -- roles <HUNTING_PRINCIPAL_ID>" +
    ` (add --defender-hunting unless HUNTING_API is graph)${grantNote}`,
  authentication: toSettingCommand("CLOUD=<public, gcc, gcchigh or dod>"),
  tenant:
    "Assign a license of Defender XDR or Defender for Endpoint P2 and open" +
    " https://security.microsoft.com once.",
  retired:
    "npm run azure -- roles <HUNTING_PRINCIPAL_ID>, then" +
    ` ${toSettingCommand("HUNTING_API=graph")}`,
  // The query is one literal, so a refusal of it comes from another service than hunting.
  query: backEndFix,
  table: backEndFix,
};

/** Returns what fixes a refusal of hunting as a whole. */
export const findHuntingFix = (cause: HuntingCause): string => huntingFixes[cause];
