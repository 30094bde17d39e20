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
const closings: ReadonlyMap<string, Closing> = new Map([
  ["truepositive", { action: "resolve" }],
  ["falsepositive", { action: "dismiss" }],
  ["benignpositive", { action: "closeBenign" }],
  ["informationalexpectedactivity", { action: "closeBenign" }],
]);

/** Action and reason or determination → reason of Cloud Apps, where one has the same meaning. */
const reasons: ReadonlyMap<string, VerdictReason> = new Map([
  ["dismiss inaccuratedata", "notAccurate"],
  ["dismiss incorrectalertlogic", "notAccurate"],
  ["dismiss notmalicious", "notAccurate"],
  ["closeBenign securitytesting", "test"],
  ["closeBenign confirmeduseractivity", "confirmedWithUser"],
  ["closeBenign confirmedactivity", "confirmedWithUser"],
]);

/** Returns the closing for a classification and its reason; `undefined` when it implies none. */
export function findClosing(
  classification: string | null | undefined,
  reason: string | null | undefined,
): Closing | undefined {
  const closing = closings.get(normalizeWord(classification));
  if (!closing) return undefined;
  const mappedReason = reasons.get(`${closing.action} ${normalizeWord(reason)}`);
  return mappedReason === undefined ? closing : { ...closing, reason: mappedReason };
}

/** Returns the first text that is not blank. */
export const findText = (...texts: readonly (string | null | undefined)[]): string | undefined =>
  texts.find((text): text is string => typeof text === "string" && text.trim() !== "");

/** Tells whether a value is an object with a member of this name. */
export const hasMember = (
  value: unknown,
  name: string,
): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name);

/** Returns the reason why a closed case without such a classification closes nothing. */
export const createNoClosingFault = (path: string): InputFault => ({
  path,
  message: "must be TruePositive, FalsePositive or BenignPositive to close alerts; they stay open",
});
