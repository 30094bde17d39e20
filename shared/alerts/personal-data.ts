/** The texts about people in the records of verdicts: what the audit names, hides and erases. */
import type { PersonalText } from "../contracts/personal-text.ts";
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { redactText } from "../runtime/redact.ts";
import type { AlertRecord } from "./alert-record.ts";
import type { ChangeReply, CloseRequest } from "./ports.ts";
import type { RequestRecord } from "./request-record.ts";

/** The value of `requestedBy` in a record whose texts were erased; no request may have it. */
const erasedRequester = "";

/** What a request says about people. */
type Personal = Pick<CloseRequest, "comment" | "feedback"> & {
  readonly requestedBy: string;
};

/** Returns the texts of a verdict as the audit names them. */
const toText = (verdict: string, { comment, feedback, requestedBy }: Personal): PersonalText => ({
  version: 1,
  verdict,
  action: "close",
  requestedBy,
  comment: comment ?? null,
  feedback: feedback?.text ?? null,
  contactEmail: feedback?.contactEmail ?? null,
});

/** Returns the texts of a message. */
export const toMessageText = (message: VerdictMessage): PersonalText => toText(message.id, message);

/** Returns the texts of a request to undo a verdict. */
export const toUndoText = (verdict: string, requestedBy: string): PersonalText => ({
  ...toText(verdict, { requestedBy }),
  action: "reopen",
});

/** Returns the texts of records, one for each verdict; erased ones are left out. */
export function toRecordTexts(records: readonly AlertRecord[]): readonly PersonalText[] {
  const texts = new Map<string, PersonalText>();
  for (const record of records)
    if (hasPersonalData(record)) texts.set(record.verdict, toText(record.verdict, record));
  return [...texts.values()];
}

/** Tells whether a record has texts about people. */
export const hasPersonalData = ({ comment, feedback, requestedBy }: Personal): boolean =>
  requestedBy !== erasedRequester || comment !== undefined || feedback !== undefined;

/** Returns the record of an alert without texts about people. */
export function eraseFromRecord(record: AlertRecord): AlertRecord {
  const { comment: _comment, feedback: _feedback, ...rest } = record;
  return { ...rest, requestedBy: erasedRequester };
}

/**
 * Returns the record of a request without texts about people. Its digest is erased, too, because a
 * requester could be guessed with it; a repetition of the request is then refused as another one.
 */
export const eraseFromRequest = (request: RequestRecord): RequestRecord => ({
  ...request,
  requestedBy: erasedRequester,
  digest: "",
});

/** Shorter texts occur in ordinary words. */
const minHiddenLength = 4;

/**
 * Returns the reply without the texts of the records: the service may quote a comment in its reason,
 * which is stored and audited.
 */
export function hideTexts(reply: ChangeReply, records: readonly AlertRecord[]): ChangeReply {
  if (reply.kind === "answer") return reply;
  if (reply.kind !== "later") return { ...reply, message: removeTexts(reply.message, records) };
  const { reason } = reply;
  return reason === undefined ? reply : { ...reply, reason: removeTexts(reason, records) };
}

/** Also removes secrets: the text is stored and audited. */
function removeTexts(text: string, records: readonly AlertRecord[]): string {
  const quoted = new Set(
    records.flatMap(({ comment, feedback, requestedBy }) => [
      requestedBy,
      comment ?? "",
      feedback?.text ?? "",
      feedback?.contactEmail ?? "",
    ]),
  );
  let hidden = text;
  for (const each of [...quoted].toSorted((a, b) => b.length - a.length))
    if (each.length >= minHiddenLength) hidden = hidden.replaceAll(each, "[removed]");
  return redactText(hidden);
}
