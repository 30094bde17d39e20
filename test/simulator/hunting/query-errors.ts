/** The hunting service's 400 answers: one text per class, as observed in production. */
import type { Exchange, Reply } from "../server/exchange.ts";
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

/** Returns a 400 of the class in the wording of the route's API family. */
export const toBadQueryReply = (
  fault: QueryFault,
  exchange: Exchange,
  family: ErrorFamily,
): Reply =>
  fault === "missing-query"
    ? family.badRequest(exchange, texts[fault], "InvalidRequestBody")
    : family.badRequest(exchange, texts[fault]);
