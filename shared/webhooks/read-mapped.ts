/** Reads any payload by a mapping. */
import type { InputFault } from "../contracts/input-faults.ts";
import type { Mapping } from "./mapping.ts";
import { createNoClosingFault, type PayloadResult, type PayloadVerdict } from "./payload.ts";
import { textsAt, valuesAt } from "./pointers.ts";

/** Returns the content, or the required pointers that have no value. */
export function readMapped(body: unknown, mapping: Mapping): PayloadResult {
  if (typeof body !== "object" || body === null)
    return { kind: "invalid", faults: [{ path: "", message: "must be a JSON object or array" }] };
  const missing = mapping.required.filter((pointer) => !valuesAt(body, pointer).some(hasValue));
  if (missing.length > 0)
    return {
      kind: "invalid",
      faults: missing.map((path) => ({
        path,
        message: "must be present: the mapping requires it",
      })),
    };
  const search = mapping.hashes
    ? mapping.hashes.flatMap((pointer) => valuesAt(body, pointer))
    : [body];
  return { kind: "content", search, ...toVerdicts(body, mapping) };
}

const hasValue = (value: unknown): boolean => value !== null && value !== undefined && value !== "";

const findFirstText = (body: object, pointers: readonly string[] | undefined): string | undefined =>
  pointers?.flatMap((pointer) => textsAt(body, pointer))[0];

function toVerdicts(
  body: object,
  { verdict, title }: Mapping,
): { verdicts: PayloadVerdict[]; skipped: InputFault[] } {
  const state = findFirstText(body, verdict?.closed.at)?.toLowerCase();
  if (!verdict || state === undefined || !verdict.closed.words.includes(state))
    return { verdicts: [], skipped: [] };
  const classification = findFirstText(body, verdict.classification)?.toLowerCase();
  const closing = verdict.closings.find(
    ({ words }) => classification !== undefined && words.includes(classification),
  );
  if (!closing)
    return { verdicts: [], skipped: [createNoClosingFault(verdict.classification[0] ?? "")] };
  const alerts = verdict.alertIds.flatMap((path) =>
    textsAt(body, path).map((id) => ({ path, ids: [id] })),
  );
  if (alerts.length === 0) return { verdicts: [], skipped: [] };
  const { action, reason } = closing;
  const comment = findFirstText(body, verdict.comment) ?? findFirstText(body, title);
  return {
    verdicts: [{ action, reason, comment, by: findFirstText(body, verdict.by), alerts }],
    skipped: [],
  };
}
