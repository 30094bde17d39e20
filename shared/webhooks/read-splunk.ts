/**
 * Reads Splunk's built-in webhook, the search that fired and the first row of its result, or an
 * export of a search with all its rows.
 */
import * as z from "zod/mini";
import { hasMember, toFaultResult, toSearchOnly, type PayloadResult } from "./payload.ts";

const alertPayload = z.looseObject({
  sid: z.string("must be the search's id"),
  search_name: z.nullish(z.string("must be the search's name")),
  result: z.record(z.string(), z.unknown(), "must be the first row of the result"),
});
const exportPayload = z.looseObject({
  results: z.array(z.unknown(), "must be the rows of the result"),
});

/**
 * Returns the content, or the faults of a body that is neither an alert nor an export of Splunk.
 */
export function readSplunk(body: unknown): PayloadResult {
  if (hasMember(body, "results")) {
    const { data, error } = exportPayload.safeParse(body);
    return data ? toSearchOnly(data.results) : toFaultResult(error);
  }
  const { data, error } = alertPayload.safeParse(body);
  return data ? toSearchOnly(data.result) : toFaultResult(error);
}
