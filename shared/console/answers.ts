/** Types of the API's answers, as the contracts declare them. */
import type { infer as Infer } from "zod/mini";
import type {
  deliverySummary,
  quotaUsage,
  trendDay,
  verdictSummary,
  alertHistory,
} from "../contracts/console-answers.ts";
import type {
  verdictDryRun,
  verdictStatusAnswer,
  verdictUndone,
} from "../contracts/alert-answers.ts";
import type { huntDetail, huntSummary, listedExport } from "../contracts/hunt-answers.ts";
import type { healthAnswer } from "../contracts/operations-answers.ts";

export type { Operation } from "../contracts/operation.ts";
export type { DeadLetterAnswer as DeadLetter } from "../contracts/dead-letter.ts";
export type { FileReport, FileResult } from "../contracts/file-result.ts";
export type { VerdictAction, VerdictReason } from "../contracts/alert-verdict.ts";
export type AlertHistory = Infer<typeof alertHistory>;
export type Delivery = Infer<typeof deliverySummary>;
export type DryRun = Infer<typeof verdictDryRun>;
export type Health = Infer<typeof healthAnswer>;
export type HuntDetail = Infer<typeof huntDetail>;
export type HuntSummary = Infer<typeof huntSummary>;
export type ListedExport = Infer<typeof listedExport>;
export type QuotaUsage = Infer<typeof quotaUsage>;
export type Trend = readonly Infer<typeof trendDay>[];
export type Verdict = Infer<typeof verdictSummary>;
/** The result of a verdict, with the outcomes so far while it runs. */
export type VerdictResult = NonNullable<Infer<typeof verdictStatusAnswer>["result"]>;
export type VerdictUndone = Infer<typeof verdictUndone>;
