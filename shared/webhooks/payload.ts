/** What a reader makes of a payload: plain data, the same for every product. */
import type { VerdictAction, VerdictReason } from "../contracts/alert-verdict.ts";
import { toInputFaults, type InputFault } from "../contracts/input-faults.ts";

/** Alerts of a closed case, and how they are to be closed. */
export interface PayloadVerdict {
  readonly action: VerdictAction;
  readonly reason?: VerdictReason | undefined;
  readonly comment?: string | undefined;
  /** Who closed the case. */
  readonly by?: string | undefined;
  /** As the payload has them, each with the place where it stands: the first that Cloud Apps knows is the alert's. */
  readonly alerts: readonly { readonly path: string; readonly ids: readonly string[] }[];
}

export interface PayloadContent {
  readonly verdicts: readonly PayloadVerdict[];
  /** Parts of the payload to search for hashes. */
  readonly search: readonly unknown[];
  /** What the payload holds and cannot be acted on, and why. */
  readonly skipped: readonly InputFault[];
}

type ParsedPayload = { readonly kind: "read" } & PayloadContent;
export type PayloadResult =
  | ParsedPayload
  | { readonly kind: "fault"; readonly faults: readonly InputFault[] };

/** A payload that only carries things to look up. */
export const toSearchOnly = (...search: readonly unknown[]): ParsedPayload => ({
  kind: "read",
  verdicts: [],
  search,
  skipped: [],
});

/** The faults that a reader's schema found. */
export const toFaultResult = (error: { readonly issues: readonly unknown[] }): PayloadResult => ({
  kind: "fault",
  faults: toInputFaults(error).slice(0, maxFaults),
});

const maxFaults = 20;

/** How the products of one vendor word it, in one spelling: `True Positive`, `truePositive`. */
export const normalizeWord = (text: string | undefined): string =>
  (text ?? "").toLowerCase().replaceAll(/[^a-z]/g, "");

interface Closing {
  readonly action: VerdictAction;
  readonly reason?: VerdictReason;
}

/** Classifications of Sentinel and Defender → closings. What is not in it says nothing of how the alerts should end. */
const closings: Readonly<Record<string, Closing>> = {
  truepositive: { action: "resolve" },
  falsepositive: { action: "dismiss" },
  benignpositive: { action: "closeBenign" },
  informationalexpectedactivity: { action: "closeBenign" },
};

/** Reasons and determinations → reasons of Cloud Apps, where one says the same. */
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

/** The closing that a classification and its reason stand for; `undefined` for one that says nothing of it. */
export function findClosing(
  classification: string | undefined,
  reason: string | undefined,
): Closing | undefined {
  const closing = closings[normalizeWord(classification)];
  if (!closing) return undefined;
  const mappedReason = reasons[closing.action]?.[normalizeWord(reason)];
  return mappedReason === undefined ? closing : { ...closing, reason: mappedReason };
}

/** Why a closed case without a telling classification closes nothing. */
export const createNoClosingFault = (path: string): InputFault => ({
  path,
  message: "closed without TruePositive, FalsePositive or BenignPositive: its alerts are left open",
});
