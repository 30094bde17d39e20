/** The alerts of Cloud Apps: their state, and a history that tests check. */
import { createHash } from "node:crypto";

/** An alert as the API shows it. */
export interface Alert {
  readonly _id: string;
  readonly contextId: string;
  readonly idValue: number;
  /** Epoch milliseconds, sometimes with a fraction. */
  timestamp: number;
  title: string;
  description: string;
  comment: string | null;
  /** 0 unread, 1 read, 2 archived. */
  statusValue: number;
  /** 0 low, 1 medium, 2 high, 3 informational. */
  severityValue: number;
  /**
   * 0 open, 1 dismissed, 2 resolved, 3 false positive, 4 benign, 5 true positive; absent in old
   * records.
   */
  resolutionStatusValue?: number;
  stories: number[];
  intent: number[];
  entities: Record<string, unknown>[];
  handledByUser: string | null;
  resolveTime: string | null;
  [key: string]: unknown;
}

/** One change of an alert's resolution. */
interface Transition {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  /** `seq` of the request that caused it. */
  readonly request: number;
}

/** The history of one alert. */
interface AlertHistory {
  readonly transitions: readonly Transition[];
  /** Changes from one closure directly to another; 0 if every alert keeps its first verdict. */
  readonly flips: number;
}

export interface AlertStore {
  /** Adds alerts; missing values are drawn at random. @returns their ids */
  readonly add: (count: number, values?: Partial<Alert>) => string[];
  readonly find: (id: string) => Alert | undefined;
  readonly list: () => readonly Alert[];
  /** Sets the resolution and records the transition. */
  readonly setResolution: (
    alert: Alert,
    to: number,
    by: { request: number; comment: string | null; user: string | null },
  ) => void;
  readonly readHistory: (id: string) => AlertHistory;
  /** Totals over all alerts. */
  readonly countTotals: () => { transitions: number; flips: number };
  readonly clear: () => void;
}

export const openStatus = 0;

export const isOpen = (alert: Alert): boolean =>
  (alert.resolutionStatusValue ?? openStatus) === openStatus;

export function createAlertStore(nowMs: () => number): AlertStore {
  const alerts = new Map<string, Alert>();
  const histories = new Map<string, Transition[]>();
  const readHistory = (id: string): AlertHistory => {
    const transitions = histories.get(id) ?? [];
    return {
      transitions,
      flips: transitions.filter(
        ({ from, to }) => from !== openStatus && to !== openStatus && from !== to,
      ).length,
    };
  };
  let drawnCount = 0;
  return {
    add: (count, values = {}) =>
      Array.from({ length: count }, () => {
        const alert: Alert = { ...drawAlert(drawnCount, nowMs()), ...values };
        drawnCount += 1;
        alerts.set(alert._id, alert);
        return alert._id;
      }),
    find: (id) => alerts.get(id),
    list: () => [...alerts.values()],
    setResolution: (alert, to, { request, comment, user }) => {
      const transition = {
        atMs: nowMs(),
        from: alert.resolutionStatusValue ?? openStatus,
        to,
        request,
      };
      histories.set(alert._id, [...(histories.get(alert._id) ?? []), transition]);
      const isClosed = to !== openStatus;
      alert.resolutionStatusValue = to;
      alert.statusValue = isClosed ? 2 : 0;
      alert.comment = comment;
      alert.handledByUser = isClosed ? user : null;
      alert.resolveTime = isClosed ? new Date(nowMs()).toISOString() : null;
    },
    readHistory,
    countTotals: () => {
      const allHistories = [...histories.keys()].map(readHistory);
      return {
        transitions: allHistories.reduce((sum, { transitions }) => sum + transitions.length, 0),
        flips: allHistories.reduce((sum, { flips }) => sum + flips, 0),
      };
    },
    clear: () => {
      alerts.clear();
      histories.clear();
    },
  };
}

const kinds = [
  ["Impossible travel activity", "ANUBIS_DETECTION_VELOCITY", 15_859_716, 1],
  ["Mass download", "ANUBIS_DETECTION_MASS_DOWNLOAD", 15_859_717, 2],
  ["Activity from an anonymous IP address", "ANUBIS_DETECTION_TOR", 15_859_718, 1],
  ["Suspicious inbox forwarding", "ANUBIS_DETECTION_INBOX_FORWARDING", 15_859_719, 2],
  ["New risky app", "CABINET_DISCOVERY_NEW_SERVICE", 15_859_720, 0],
  ["Unusual file share activity", "ANUBIS_DETECTION_FILE_SHARE", 15_859_721, 0],
] as const;

const hashHex = (text: string, length: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, length);

/**
 * Draws the alert at an index: the same in every simulator. Every seventh has an oddity of live
 * data.
 */
function drawAlert(index: number, nowMs: number): Alert {
  const [title, template, idValue, severityValue] = kinds[index % kinds.length] ?? kinds[0];
  const hex = hashHex(`alert ${index}`, 32);
  const user = `user${index % 40}@contoso.com`;
  const alert: Alert = {
    _id: `603e${hex.slice(0, 12)}${index.toString(16).padStart(8, "0")}`,
    contextId: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`,
    idValue,
    timestamp: nowMs - index * 1_800_000 - 60_000 + (index % 7 === 3 ? 0.8032 : 0),
    title,
    description: `<p>${user}: ${title} (__siteIcon__11161__Microsoft 365)</p>`,
    isMarkdown: false,
    comment: null,
    statusValue: 0,
    severityValue,
    resolutionStatusValue: openStatus,
    stories: index % 7 === 5 ? [0, 6] : [0],
    intent: [index % 14],
    entities: createEntities(index, user, template),
    evidence: [],
    threatScore: 20 + (index % 70),
    isSystemAlert: false,
    isPreview: index % 7 === 6,
    handledByUser: index % 7 === 2 ? "null" : null,
    resolveTime: null,
    URL: `https://contoso.eu2.portal.cloudappsecurity.com/#/alerts/603e${hex.slice(0, 12)}${index.toString(16).padStart(8, "0")}`,
  };
  if (index % 7 === 4) delete alert.resolutionStatusValue;
  return alert;
}

const createEntities = (
  index: number,
  user: string,
  template: string,
): Record<string, unknown>[] => [
  { type: "account", label: user, id: user, inst: 0, saas: 11_161, pa: user, entityType: 2 },
  // Live data has this id as a number, all others as text.
  { type: "service", label: "Microsoft 365", id: 11_161 },
  {
    type: "policyRule",
    label: template,
    id: hashHex(template, 24),
    policyType: "ANOMALY_DETECTION",
  },
  {
    type: "ip",
    label: `198.51.100.${index % 250}`,
    id: `198.51.100.${index % 250}`,
    entityRole: "Source",
  },
  { type: "country", label: "NL", id: "NL", entityRole: "Related" },
];
