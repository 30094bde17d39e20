/** Activities of people in connected apps: the same in every simulator. */
import { createHash } from "node:crypto";

/** An activity as the API returns it; live data has more members. */
export interface Activity {
  readonly _id: string;
  /** Epoch milliseconds, sometimes with a fraction. */
  readonly timestamp: number;
  /** When Cloud Apps received it. */
  readonly created: number;
  readonly appId: number;
  readonly instance: number;
  readonly eventType: number;
  readonly eventTypeName: string;
  readonly eventActionType: string;
  readonly actionType: string | null;
  readonly description: string;
  readonly isAdmin: boolean;
  readonly impersonated: boolean;
  readonly takenAction: string | null;
  readonly source: number;
  readonly alertIds: readonly string[];
  readonly policies: readonly string[];
  readonly objects: readonly string[];
  readonly files: readonly { readonly id: string; readonly url: string }[];
  readonly device: {
    readonly type: string | null;
    readonly tags: readonly string[];
    readonly clientIP: string | null;
  };
  readonly userAgent: { readonly raw: string; readonly tags: readonly string[] };
  readonly location: { readonly countryCode: string | null; readonly organization: string | null };
  readonly ip: { readonly category: number; readonly tags: readonly string[] };
  readonly user: {
    readonly userName: string | null;
    readonly domain: string | null;
    readonly orgUnit: string | null;
    readonly tags: readonly string[];
  };
  /** Keyed "0", "1", …; a slot may be null. */
  readonly entityData: Readonly<Record<string, EntityData | null>>;
}

interface EntityData {
  readonly displayName: string;
  readonly id: { readonly id: string; readonly saas: number; readonly inst: number };
}

const kinds = [
  [0x10_00_01, "EVENT_CATEGORY_LOGIN", "EVENT_ACTION_LOGIN", "UserLoggedIn", "Log on"],
  [
    0x10_00_02,
    "EVENT_CATEGORY_DOWNLOAD_FILE",
    "EVENT_ACTION_DOWNLOAD",
    "FileDownloaded",
    "Download file",
  ],
  [0x10_00_03, "EVENT_CATEGORY_SHARE", "EVENT_ACTION_SHARE", "SharingSet", "Share file"],
  [0x10_00_04, "EVENT_CATEGORY_DELETE_FILE", "EVENT_ACTION_DELETE", null, "Delete file"],
] as const;
const apps = [11_161, 20_892, 15_600] as const;
const agents = [
  "Mozilla/5.0 (Windows NT 10.0) Edg/131",
  "Mozilla/5.0 (iPhone) Safari",
  "python-requests/2.32",
] as const;
const devices = ["DESKTOP", "MOBILE", null] as const;
const actions = [null, "block", "proxy"] as const;
const sources = [2, 0, 1, 5, 6] as const;

// A remainder of a division by the length is always a valid index.
const pickByIndex = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

/** @param index - index in the history, newest first; one activity every ten minutes */
export function drawActivity(index: number, nowMs: number): Activity {
  const hex = createHash("sha256").update(`activity ${index}`).digest("hex");
  const [eventType, eventTypeName, eventActionType, actionType, label] = pickByIndex(kinds, index);
  const appId = pickByIndex(apps, index);
  const isKnown = index % 9 !== 4;
  const user = `user${index % 8}@${index % 4 === 3 ? "fabrikam.com" : "contoso.com"}`;
  const timestamp = nowMs - index * 600_000 - 30_000 + (index % 5 === 2 ? 0.25 : 0);
  const document = `doc-${index % 12}`;
  return {
    _id: `97134000_${appId}_${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
    timestamp,
    created: timestamp + 45_000,
    appId,
    instance: index % 6 === 5 ? 1 : 0,
    eventType,
    eventTypeName,
    eventActionType,
    actionType,
    description: `${label}: ${document}, by ${user}`,
    isAdmin: index % 10 === 0,
    impersonated: index % 11 === 3,
    takenAction: pickByIndex(actions, index),
    source: pickByIndex(sources, index),
    alertIds: index % 13 === 1 ? [`603e${hex.slice(0, 20)}`] : [],
    policies: index % 7 === 2 ? ["5f1b7d3c2a9e4b0012ab34cd"] : [],
    objects: [document],
    files:
      eventType === 0x10_00_01
        ? []
        : [{ id: document, url: `https://contoso.sharepoint.com/sites/ops/${document}.docx` }],
    device: {
      type: pickByIndex(devices, index),
      tags: index % 5 === 1 ? ["compliant"] : [],
      clientIP: isKnown ? `${index % 4 === 1 ? "10.0.0" : "203.0.113"}.${index % 200}` : null,
    },
    userAgent: {
      raw: pickByIndex(agents, index),
      tags: index % 8 === 6 ? ["outdated_browser"] : [],
    },
    location: {
      countryCode: isKnown ? pickByIndex(["NL", "US", "BR"], index) : null,
      organization: isKnown ? pickByIndex(["Contoso Ltd", "Example Telecom"], index) : null,
    },
    ip: { category: (index % 6) + 1, tags: index % 6 === 2 ? ["tor"] : [] },
    user: {
      userName: isKnown ? user : null,
      domain: isKnown ? (user.split("@")[1] ?? null) : null,
      orgUnit: isKnown ? pickByIndex(["Finance", "Operations"], index) : null,
      tags: index % 5 === 0 ? ["group-admins"] : [],
    },
    entityData: {
      "0": isKnown ? { displayName: user, id: { id: user, saas: 11_161, inst: 0 } } : null,
      "1": null,
    },
  };
}
