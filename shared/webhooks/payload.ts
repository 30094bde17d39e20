/** The content that a reader extracts from a payload: plain data, the same for every product. */
import type { VerdictAction, VerdictReason } from "../contracts/alert-verdict.ts";
import { toInputFaults, type InputFault } from "../contracts/input-faults.ts";

/** Alerts of a closed case, and how to close them. */
export interface PayloadVerdict {
  readonly action: VerdictAction;
  readonly reason?: VerdictReason | undefined;
  readonly comment?: string | undefined;
  /** The person who closed the case. */
  readonly by?: string | undefined;
  /**
   * Each alert with its path in the payload and its ids there; the first valid Cloud Apps id is
   * used.
   */
  readonly alerts: readonly { readonly path: string; readonly ids: readonly string[] }[];
}

export interface PayloadContent {
  readonly verdicts: readonly PayloadVerdict[];
  /** The parts of the payload that are searched for hashes. */
  readonly search: readonly unknown[];
  /** Parts of the payload that lead to no action, with the reason. */
  readonly skipped: readonly InputFault[];
}

type ParsedPayload = { readonly kind: "content" } & PayloadContent;
export type PayloadResult =
  | ParsedPayload
  | { readonly kind: "invalid"; readonly faults: readonly InputFault[] };

/** Returns a payload that is only searched for hashes. */
export const toSearchOnly = (...search: readonly unknown[]): ParsedPayload => ({
  kind: "content",
  verdicts: [],
  search,
  skipped: [],
});

/** Returns the faults that a reader's schema found. */
export const toFaultResult = (error: { readonly issues: readonly unknown[] }): PayloadResult => ({
  kind: "invalid",
  faults: toInputFaults(error).slice(0, maxFaults),
});

const maxFaults = 20;

/**
 * Returns a word in lower case without separators: vendors write `True Positive` and
 * `TruePositive`.
 */
export const normalizeWord = (text: string | null | undefined): string =>
  (text ?? "").toLowerCase().replaceAll(/[^a-z]/g, "");

interface Closing {
  readonly action: VerdictAction;
  readonly reason?: VerdictReason;
}

/** Classifications of Sentinel and Defender → closings. Any other classification closes nothing. */
const closings: Readonly<Record<string, Closing>> = {
  truepositive: { action: "resolve" },
  falsepositive: { action: "dismiss" },
  benignpositive: { action: "closeBenign" },
  informationalexpectedactivity: { action: "closeBenign" },
};

/** Reasons and determinations → reasons of Cloud Apps, where one has the same meaning. */
const reasons: Readonly<Record<string, Readonly<Record<string, VerdictReason>>>> = {
  dismiss: {
    inaccuratedata: "notAccurate",
    incorrectalertlogic: "notAccurate",
    notmalicious: "notAccurate",
  },
  closeBenign: {
    securitytesting: "test",
    confirmeduseractivity: "confirmedWithUser",
    confirmedactivity: "confirmedWithUser",
  },
};

/** Returns the closing for a classification and its reason; `undefined` when it implies none. */
export function findClosing(
  classification: string | null | undefined,
  reason: string | null | undefined,
): Closing | undefined {
  const closing = closings[normalizeWord(classification)];
  if (!closing) return undefined;
  const mappedReason = reasons[closing.action]?.[normalizeWord(reason)];
  return mappedReason === undefined ? closing : { ...closing, reason: mappedReason };
}

/** Returns the reason why a closed case without such a classification closes nothing. */
export const createNoClosingFault = (path: string): InputFault => ({
  path,
  message: "must be TruePositive, FalsePositive or BenignPositive to close alerts; they stay open",
});
