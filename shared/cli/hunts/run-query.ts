/** One hunting call for a person who waits for it. */
import type { HuntingPort, HuntingReply } from "../../hunts/ports.ts";
import type { Span } from "../../runtime/time.ts";

/** Opens the back-end of the settings, or the one named. */
export type CreateHuntingPort = (api?: HuntingPort["api"]) => Promise<HuntingPort>;

/** Rows of a call as JSON lines; `rowLines` is at most what was asked for, `reply` counts them all. */
export interface QueryResult {
  readonly reply: HuntingReply;
  readonly rowLines: readonly string[];
}

const deadlineMs = 230_000;
const maxWaitMs = 60_000;
const defaultMaxRows = 10_000;

/** Asks once and keeps the first rows. */
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

/** What a call came to, in words; what to do next where it gave no rows. */
export function formatReply(reply: HuntingReply): string {
  switch (reply.kind) {
    case "answer":
      return `${reply.rows} rows, ${reply.bytes} bytes, ${(reply.durationMs / 1_000).toFixed(1)} s`;
    case "too-big":
      return "the result is larger than the service returns in one answer; ask for less with --last";
    case "too-heavy":
      return `the query was too heavy (${reply.cause}); ask for less with --last`;
    case "later":
      return `no permit now (${reply.cause}); try again in ${Math.ceil(reply.retryAfterMs / 1_000)} s`;
    case "refused":
      return `refused (${reply.cause}): ${reply.message}`;
    case "failed":
      return `failed: ${reply.message}; try again`;
  }
}
