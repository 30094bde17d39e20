/** Writes a refusal as RFC 9457 `application/problem+json`. */
import { problemTitles, type Problem } from "../contracts/problem.ts";

/**
 * The body of a refusal. `tenant` is that of a request which named one. `instance` is the correlation id that finds the request in the log.
 */
export const toProblemBody = (
  problem: Problem,
  correlationId: string,
  tenant?: string,
): object => ({
  type: "about:blank",
  title: problemTitles[problem.status],
  status: problem.status,
  detail: problem.message,
  instance: `urn:uuid:${correlationId}`,
  ...(tenant === undefined ? {} : { tenant }),
  ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
});
