/** Reads Splunk's built-in webhook: the search that fired and the first row of its result. */
import * as z from "zod/mini";
import { toFaultResult, toSearchOnly, type PayloadResult } from "./payload.ts";

const payload = z.looseObject({
  sid: z.string("must be the search's id"),
  search_name: z.nullish(z.string("must be the search's name")),
  result: z.record(z.string(), z.unknown(), "must be the first row of the result"),
});

/** Returns the content, or the faults of a body that is not a Splunk alert. */
export function readSplunk(body: unknown): PayloadResult {
  const { data, error } = payload.safeParse(body);
  return data ? toSearchOnly(data.result) : toFaultResult(error);
}
