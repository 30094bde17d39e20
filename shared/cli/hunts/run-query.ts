/** Runs one hunting query for a person who waits for the result. */
import type { HuntingPort, HuntingReply } from "../../hunts/ports.ts";
import type { Span } from "../../runtime/time.ts";
import { formatCount } from "../output.ts";

/** Opens the back-end of the settings, or `api`; of the running simulator where `isSimulated`. */
export type CreateHuntingPort = (options: {
  readonly api?: HuntingPort["api"];
  readonly isSimulated: boolean;
  /** @default the tenant `default` */
  readonly tenant?: string | undefined;
}) => Promise<HuntingPort>;

/** The first rows as JSON lines; `reply` counts all rows. */
export interface QueryResult {
  readonly reply: HuntingReply;
  readonly rowLines: readonly string[];
}

const deadlineMs = 230_000;
const maxWaitMs = 60_000;
const defaultMaxRows = 10_000;

/** Runs the query once and keeps the first `maxRows` rows. */
export async function runQuery(
  port: HuntingPort,
  query: string,
  timespan: Span,
  maxRows = defaultMaxRows,
): Promise<QueryResult> {
  const rowLines: string[] = [];
  const reply = await port.runQuery(
    query,
    { timespan, deadlineMs, maxWaitMs },
    {
      writeRows: (lines) => {
        if (rowLines.length < maxRows)
          rowLines.push(...splitLines(lines).slice(0, maxRows - rowLines.length));
      },
    },
  );
  return { reply, rowLines };
}

const splitLines = (lines: Uint8Array): readonly string[] =>
  Buffer.from(lines).toString("utf8").split("\n").slice(0, -1);

/** Formats the outcome of a call and, where it gave no rows, what to do next. */
export function formatReply(reply: HuntingReply): string {
  switch (reply.kind) {
    case "answer": {
      const seconds = (reply.durationMs / 1_000).toFixed(1);
      return `${formatCount(reply.rows, "row")}, ${reply.bytes} bytes, ${seconds} s`;
    }
    case "too-big":
      return "the result exceeds the service's limit; choose a shorter --last";
    case "too-heavy":
      return `the query used too many resources (${reply.cause}); choose a shorter --last`;
    case "later":
      return formatDelay(reply.cause, reply.retryAfterMs);
    case "refused":
      return `refused (${reply.cause}): ${reply.message}`;
    case "failed":
      return `failed: ${reply.message}; try again`;
  }
}

/** A permit waits for the quota, or for the storage that counts it. */
function formatDelay(cause: string, retryAfterMs: number): string {
  const seconds = Math.ceil(retryAfterMs / 1_000);
  return /store/.test(cause)
    ? "the storage of DataStorage cannot be reached, so the quota cannot be counted; start it" +
        " (npm start runs one) or set DataStorage"
    : `the quota allows no call now (${cause}); try again in ${seconds} s`;
}
