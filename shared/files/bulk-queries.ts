/**
 * The two queries of the bulk path and their rows. Every value in the query texts is a validated
 * literal.
 */
import type { FileInformation, FileStatistics } from "../contracts/file-result.ts";
import type { HuntingRow } from "./ports.ts";

/** Hashes that `FileProfile()` accepts in one call, at most. */
export const maxBatchSize = 1_000;

const hashPattern = { SHA1: /^[0-9a-f]{40}$/, SHA256: /^[0-9a-f]{64}$/ } as const;

/** The columns whose values `FileProfile()` accepts. */
export type ProfileKey = keyof typeof hashPattern;

/** Writes one hash as a KQL string literal. @throws RangeError for anything else */
function formatHashLiteral(key: ProfileKey, hash: string): string {
  if (!hashPattern[key].test(hash)) throw new RangeError(`must be a ${key} in lower case`);
  return `"${hash}"`;
}

function formatHoursLiteral(hours: number): string {
  if (!(Number.isInteger(hours) && hours >= 1 && hours <= 720))
    throw new RangeError(`look-back must be 1 to 720 hours, is ${hours}`);
  return `${hours}h`;
}

const formatHashTable = (key: ProfileKey, hashes: readonly string[]): string =>
  `datatable(${key}:string)[${hashes.map((hash) => formatHashLiteral(key, hash)).join(",")}]`;

const profileColumns = [
  "SHA1",
  "SHA256",
  "FileSize",
  "IsExecutable",
  "GlobalPrevalence",
  "GlobalFirstSeen",
  "GlobalLastSeen",
  "Publisher",
  "SoftwareName",
  "Signer",
  "Issuer",
  "SignerHash",
  "IsCertificateValid",
  "ThreatName",
  "ProfileAvailability",
] as const;

/** Asks what the service knows of up to 1,000 files over all organizations. */
export const createProfileQuery = (key: ProfileKey, hashes: readonly string[]): string =>
  [
    formatHashTable(key, hashes),
    `| invoke FileProfile(${key}, ${maxBatchSize})`,
    `| project ${profileColumns.join(", ")}`,
  ].join("\n");

const eventTables = [
  "DeviceFileEvents",
  "DeviceProcessEvents",
  "DeviceImageLoadEvents",
  "DeviceEvents",
] as const;

/**
 * Asks what this organization saw of the files. Devices are counted exactly, as rows with one row
 * per device, because `dcount()` estimates.
 */
export function createOrganizationQuery(hashes: readonly string[], lookBackHours: number): string {
  const since = `ago(${formatHoursLiteral(lookBackHours)})`;
  const parts = eventTables.map(
    (name) =>
      `(${name} | where Timestamp >= ${since} | where SHA1 in (requested)` +
      " | project Timestamp, DeviceId, SHA1, FileName)",
  );
  return [
    `let requested = ${formatHashTable("SHA1", hashes)};`,
    `union ${parts.join(",\n  ")}`,
    "| summarize FirstSeen = min(Timestamp), LastSeen = max(Timestamp)," +
      " FileName = take_any(FileName) by SHA1, DeviceId",
    "| summarize OrganizationPrevalence = count(), OrganizationFirstSeen = min(FirstSeen)," +
      " OrganizationLastSeen = max(LastSeen), TopFileNames = make_set(FileName, 10) by SHA1",
  ].join("\n");
}

/** One row of the profile query. `availability` is the service's own value. */
export interface FileProfile {
  readonly sha1: string | null;
  readonly sha256: string | null;
  readonly availability: "available" | "missing" | "error";
  readonly global: Pick<FileStatistics, "globalPrevalence" | "globalFirstSeen" | "globalLastSeen">;
  readonly information: FileInformation;
}

/** Reads one row of the profile query. */
export function readProfile(row: HuntingRow): FileProfile {
  const threat = readText(row["ThreatName"]);
  return {
    sha1: readText(row["SHA1"])?.toLowerCase() ?? null,
    sha256: readText(row["SHA256"])?.toLowerCase() ?? null,
    availability: readAvailability(row["ProfileAvailability"]),
    global: {
      globalPrevalence: readWholeNumber(row["GlobalPrevalence"]),
      globalFirstSeen: readText(row["GlobalFirstSeen"]),
      globalLastSeen: readText(row["GlobalLastSeen"]),
    },
    information: {
      sha256: readText(row["SHA256"])?.toLowerCase() ?? null,
      size: readWholeNumber(row["FileSize"]),
      fileType: null,
      isPeFile: readBoolean(row["IsExecutable"]),
      publisher: readText(row["Publisher"]),
      productName: readText(row["SoftwareName"]),
      signer: readText(row["Signer"]),
      issuer: readText(row["Issuer"]),
      signerHash: readText(row["SignerHash"]),
      isValidCertificate: readBoolean(row["IsCertificateValid"]),
      determinationType: threat === null ? null : "Malware",
      determinationValue: threat,
    },
  };
}

function readAvailability(value: unknown): FileProfile["availability"] {
  const text = readText(value)?.toLowerCase();
  if (text === "available") return "available";
  return text === "missing" ? "missing" : "error";
}

/** What the organization saw of a file. A file without a row was seen on no device. */
export type OrganizationFigures = Omit<
  FileStatistics,
  "globalPrevalence" | "globalFirstSeen" | "globalLastSeen"
>;

export const unseenFigures: OrganizationFigures = {
  organizationPrevalence: 0,
  organizationFirstSeen: null,
  organizationLastSeen: null,
  topFileNames: [],
};

/** Reads one row of the organization query. */
export const readOrganization = (
  row: HuntingRow,
): readonly [sha1: string, figures: OrganizationFigures] => [
  readText(row["SHA1"])?.toLowerCase() ?? "",
  {
    organizationPrevalence: readWholeNumber(row["OrganizationPrevalence"]),
    organizationFirstSeen: readText(row["OrganizationFirstSeen"]),
    organizationLastSeen: readText(row["OrganizationLastSeen"]),
    topFileNames: readNames(row["TopFileNames"]),
  },
];

const readText = (value: unknown): string | null =>
  typeof value === "string" && value !== "" ? value : null;

/** Numbers arrive as JSON numbers, or as text from some back-ends. */
function readWholeNumber(value: unknown): number | null {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

/** Hunting tables write booleans as `true` and `false` or as 0 and 1. */
function readBoolean(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  if (value === 1 || value === "1" || value === "true") return true;
  return value === 0 || value === "0" || value === "false" ? false : null;
}

/** A dynamic column arrives as a list or as its JSON text. */
function readNames(value: unknown): string[] {
  const list: unknown = typeof value === "string" ? tryParseJson(value) : value;
  return Array.isArray(list)
    ? list.filter((name): name is string => typeof name === "string" && name !== "")
    : [];
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
