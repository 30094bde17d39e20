/** The hunting service's 400 answers: one text per class, as observed in production. */
import type { Exchange, Reply } from "../server/exchange.ts";
import type { Behaviors } from "../behaviors.ts";
import type { ErrorFamily } from "../server/families.ts";
import type { QueryFault } from "../server/faults.ts";

const texts: Record<QueryFault, string> = {
  preempted:
    "Query execution has exceeded the allowed limits. The query execution was preempted. This could possibly be due to high CPU and/or memory resource consumption. Optimize your query by following best practices and try again.",
  "result-size":
    "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and try again.",
  syntax: "The query contains syntax errors: Expected: )",
  semantic:
    "'where' operator: Failed to resolve scalar expression named 'X'. Fix semantic errors in your query.",
  table:
    "'where' operator: Failed to resolve table or column expression named 'DeviceProcessEvents'. Fix semantic errors in your query.",
  function:
    "The query has a semantic error: Unknown function: 'FileProfile'. Fix semantic errors in your query.",
  length: "The query contains syntax errors: Query length exceeded the limit.",
  "missing-query": "Missing query.",
};

/** The older text of the size cap, still documented in some pages. */
export const amountWording = texts["result-size"].replace("number", "amount");

/**
 * Other documented wordings of the two classes about size and resources: the page "Handle advanced
 * hunting errors" and the Kusto engine.
 */
const otherWordings = {
  "result-size": {
    page: 'Result size limit exceeded. Use "summarize" to aggregate results, "project" to drop uninteresting columns, or "take" to truncate results.',
    engine:
      "Query result set has exceeded the internal data size limit 67108864 (E_QUERY_RESULT_SET_TOO_LARGE).",
  },
  preempted: {
    page: "Query stopped due to excessive resource consumption.",
    engine: "Low memory condition (E_LOW_MEMORY_CONDITION).",
  },
} as const;

/** Picks the wording of each 400 about size or resources. */
export type WordingPicker = (
  fault: keyof typeof otherWordings,
  wording: Behaviors["hunting"]["errorWording"],
) => string;

/** Creates a picker; `mixed` begins with the API's own wording and takes the next one each time. */
export function createWordingPicker(): WordingPicker {
  const counts = { "result-size": 0, preempted: 0 };
  return (fault, wording) => {
    const { page, engine } = otherWordings[fault];
    const all = { api: texts[fault], page, engine };
    if (wording !== "mixed") return all[wording];
    const mixed = Object.values(all);
    counts[fault] += 1;
    return mixed[(counts[fault] - 1) % mixed.length] ?? texts[fault];
  };
}

/** Returns a 400 of the class in the wording of the route's API family. */
export const toBadQueryReply = (
  fault: QueryFault,
  exchange: Exchange,
  family: ErrorFamily,
): Reply =>
  fault === "missing-query"
    ? family.badRequest(exchange, texts[fault], "InvalidRequestBody")
    : family.badRequest(exchange, texts[fault]);
