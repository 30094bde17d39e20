/** The numbers of the Cloud Apps API in words, as tables. A number that no table knows stays a number. */

export const severities = { 0: "low", 1: "medium", 2: "high", 3: "informational" } as const;
export const alertStatuses = { 0: "unread", 1: "read", 2: "archived" } as const;
export const resolutionStatuses = {
  0: "open",
  1: "dismissed",
  2: "resolved",
  3: "false_positive",
  4: "benign",
  5: "true_positive",
} as const;
export const stories = {
  0: "threat_detection",
  1: "privileged_account_monitoring",
  2: "compliance",
  3: "dlp",
  4: "discovery",
  5: "sharing_control",
  7: "access_control",
  8: "configuration_monitoring",
} as const;
export const intents = {
  0: "unknown",
  1: "preattack",
  2: "initial_access",
  3: "persistence",
  4: "privilege_escalation",
  5: "defense_evasion",
  6: "credential_access",
  7: "discovery",
  8: "lateral_movement",
  9: "execution",
  10: "collection",
  11: "exfiltration",
  12: "command_and_control",
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
  4: "public_internet",
} as const;
export const activitySources = {
  0: "access_control",
  1: "session_control",
  2: "connector",
  3: "connector_analysis",
  5: "discovery",
  6: "mdatp",
} as const;
export const ipCategories = {
  1: "corporate",
  2: "administrative",
  3: "risky",
  4: "vpn",
  5: "cloud_provider",
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
