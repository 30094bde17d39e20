/**
 * The numbers of the Cloud Apps API in words, as tables. A number that no table knows stays a
 * number.
 */

export const severities = { 0: "low", 1: "medium", 2: "high", 3: "informational" } as const;
export const alertStatuses = { 0: "unread", 1: "read", 2: "archived" } as const;
export const resolutionStatuses = {
  0: "open",
  1: "dismissed",
  2: "resolved",
  3: "falsePositive",
  4: "benign",
  5: "truePositive",
} as const;
export const stories = {
  0: "threatDetection",
  1: "privilegedAccountMonitoring",
  2: "compliance",
  3: "dlp",
  4: "discovery",
  5: "sharingControl",
  7: "accessControl",
  8: "configurationMonitoring",
} as const;
export const intents = {
  0: "unknown",
  1: "preattack",
  2: "initialAccess",
  3: "persistence",
  4: "privilegeEscalation",
  5: "defenseEvasion",
  6: "credentialAccess",
  7: "discovery",
  8: "lateralMovement",
  9: "execution",
  10: "collection",
  11: "exfiltration",
  12: "commandAndControl",
  13: "impact",
} as const;
export const entityStatuses = {
  0: "n/a",
  1: "staged",
  2: "active",
  3: "suspended",
  4: "deleted",
} as const;
export const fileTypes = {
  0: "other",
  1: "document",
  2: "spreadsheet",
  3: "presentation",
  4: "text",
  5: "image",
  6: "folder",
} as const;
export const sharings = {
  0: "private",
  1: "internal",
  2: "external",
  3: "public",
  4: "publicInternet",
} as const;
export const activitySources = {
  0: "accessControl",
  1: "sessionControl",
  2: "connector",
  3: "connectorAnalysis",
  5: "discovery",
  6: "mdatp",
} as const;
export const ipCategories = {
  1: "corporate",
  2: "administrative",
  3: "risky",
  4: "vpn",
  5: "cloudProvider",
  6: "other",
} as const;

/** Apps by their number in `entity.service` and the like. */
export const apps = {
  10_489: "Box",
  10_980: "Okta",
  11_114: "Salesforce",
  11_161: "Microsoft 365",
  11_599: "AWS",
  11_627: "Dropbox",
  11_770: "Google",
  12_260: "Azure",
  14_509: "ServiceNow",
  15_600: "OneDrive",
  20_595: "Defender for Cloud Apps",
  20_892: "SharePoint",
  20_893: "Exchange",
  20_940: "Active Directory",
  28_375: "Teams",
} as const;

/** The word for a number, or the number itself. */
export const wordOf = (table: Readonly<Record<number, string>>, value: number): string | number =>
  table[value] ?? value;

/** The number for a word of a table; `undefined` when it has none. */
export function numberOf(
  table: Readonly<Record<number, string>>,
  word: string,
): number | undefined {
  const entry = Object.entries(table).find(([, name]) => name.toLowerCase() === word.toLowerCase());
  return entry === undefined ? undefined : Number(entry[0]);
}
