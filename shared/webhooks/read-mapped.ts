/** Reads any payload by a mapping. */
import type { InputFault } from "../http/problem.ts";
import type { Mapping } from "./mapping.ts";
import { textsAt, valuesAt } from "./pointers.ts";
import { noClosing, type ReadPayload, type ReadVerdict } from "./payload.ts";

/** @returns what it asks for, or the pointers that lead to nothing although the mapping requires them */
export function readMapped(body: unknown, mapping: Mapping): ReadPayload {
  if (typeof body !== "object" || body === null)
    return { kind: "fault", faults: [{ path: "", message: "want a JSON object or array" }] };
  const missing = mapping.required.filter((pointer) => !valuesAt(body, pointer).some(isSaid));
  if (missing.length > 0)
    return {
      kind: "fault",
      faults: missing.map((path) => ({ path, message: "want a value: the mapping requires it" })),
    };
  const search = mapping.hashes
    ? mapping.hashes.flatMap((pointer) => valuesAt(body, pointer))
    : [body];
  return { kind: "read", search, ...verdictOf(body, mapping) };
}

const isSaid = (value: unknown): boolean => value !== null && value !== undefined && value !== "";

const firstText = (body: object, pointers: readonly string[] | undefined): string | undefined =>
  pointers?.flatMap((pointer) => textsAt(body, pointer))[0];

function verdictOf(
  body: object,
  mapping: Mapping,
): { verdicts: ReadVerdict[]; left: InputFault[] } {
  const { verdict, title } = mapping;
  const state = firstText(body, verdict?.closed.at)?.toLowerCase();
  if (!verdict || state === undefined || !verdict.closed.words.includes(state))
    return { verdicts: [], left: [] };
  const said = firstText(body, verdict.classification)?.toLowerCase();
  const closing = verdict.closings.find(({ words }) => said !== undefined && words.includes(said));
  if (!closing) return { verdicts: [], left: [noClosing(verdict.classification[0] ?? "")] };
  const alerts = verdict.alertIds.flatMap((path) =>
    textsAt(body, path).map((id) => ({ path, ids: [id] })),
  );
  if (alerts.length === 0) return { verdicts: [], left: [] };
  const { action, reason } = closing;
  const comment = firstText(body, verdict.comment) ?? firstText(body, title);
  return {
    verdicts: [{ action, reason, comment, by: firstText(body, verdict.by), alerts }],
    left: [],
  };
}
