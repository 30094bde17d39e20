/**
 * Hunting for results that fit in memory: the rows of one query as plain JSON, without an export.
 */
import type { HuntingRow, HuntingRowsPort, HuntingRowsReply } from "../../files/ports.ts";
import type { HuntingPort } from "../../hunts/ports.ts";

/** Largest result in memory. 1,000 hashes with their statistics use a twentieth of it. */
const maxBytes = 16 * 1_024 * 1_024;

/** Creates the rows port of the files module over any hunting back-end. */
export const createHuntingRows = (hunting: HuntingPort): HuntingRowsPort => ({
  runQuery: async (query, { maxWaitMs, deadlineMs }) => {
    const texts: string[] = [];
    let bytes = 0;
    const reply = await hunting.runQuery(
      query,
      { maxWaitMs, deadlineMs },
      {
        writeRows: (lines) => {
          bytes += lines.byteLength;
          if (bytes <= maxBytes) texts.push(Buffer.from(lines).toString("utf8"));
        },
      },
    );
    switch (reply.kind) {
      case "answer":
        return bytes > maxBytes
          ? { kind: "too-much" }
          : { kind: "rows", rows: parseRows(texts.join("")) };
      case "too-big":
      case "too-heavy":
        return { kind: "too-much" };
      case "later":
        return { kind: "later", retryAfterMs: reply.retryAfterMs };
      case "refused":
        return toRowsReply(reply.cause, reply.message);
      case "failed":
        return { kind: "failed" };
    }
  },
});

const toRowsReply = (cause: string, message: string): HuntingRowsReply =>
  cause === "query" || cause === "table" ? { kind: "rejected", message } : { kind: "failed" };

const parseRows = (text: string): HuntingRow[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as HuntingRow);
