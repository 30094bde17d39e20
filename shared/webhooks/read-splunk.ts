/** Reads Splunk's built-in webhook: the search that fired and the first row of its result, every value text or a list of texts. */
import * as z from "zod/mini";
import { toSearchOnly, toFaultResult, type PayloadResult } from "./payload.ts";

const payload = z.looseObject({
  sid: z.string("the search's id"),
  search_name: z.nullish(z.string("the search's name")),
  result: z.record(z.string(), z.unknown(), "the first row of the result"),
});

/** @returns what it asks for, or the faults of a body that is no alert of Splunk */
export function readSplunk(body: unknown): PayloadResult {
  const { data, error } = payload.safeParse(body);
  return data ? toSearchOnly(data.result) : toFaultResult(error);
}
