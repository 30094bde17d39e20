import { describe, expect, test } from "vitest";
import {
  classifyErrorText,
  knownTexts,
  type ErrorClass,
} from "../../../../shared/clients/hunting/error-texts.ts";
import { createGraphHunting } from "../../../../shared/clients/hunting/graph.ts";
import { createRandom } from "../../../simulator/dataset/random.ts";
import { runQuery } from "./hunting-harness.ts";

/** Texts as the sources print them. */
const examples: readonly (readonly [ErrorClass, string])[] = [
  // Microsoft Learn, "Handle advanced hunting errors".
  ["query", "A recognition error occurred."],
  ["query", "'project' operator: Failed to resolve scalar expression named 'x'"],
  ["timedOut", "Query exceeded the timeout period."],
  [
    "runTime",
    "You have exceeded processing resources allocated to this tenant. You can run queries again in 12 minutes.",
  ],
  [
    "tooBig",
    'Result size limit exceeded. Use "summarize" to aggregate results, "project" to drop uninteresting columns, or "take" to truncate results.',
  ],
  ["preempted", "Query stopped due to excessive resource consumption."],
  [
    "preempted",
    "Query stopped. Adjust use of the join operator to avoid excessive resource consumption.",
  ],
  [
    "transient",
    "An unexpected error occurred during query execution. Please try again in a few minutes.",
  ],
  // Graph and the Defender API.
  [
    "table",
    "'where' operator: Failed to resolve table or column expression named 'DeviceProcessEvents'. Fix semantic errors in your query.",
  ],
  [
    "query",
    "'where' operator: Failed to resolve scalar expression named 'TimedOut'. Fix semantic errors in your query.",
  ],
  ["query", "The query contains syntax errors: Expected: )"],
  [
    "query",
    "The query has a semantic error: Unknown function: 'X'. Fix semantic errors in your query.",
  ],
  [
    "tooBig",
    "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and try again.",
  ],
  [
    "tooBig",
    "Query execution has exceeded the allowed result size. Optimize your query by limiting the amount of results and try again",
  ],
  [
    "preempted",
    "Query execution has exceeded the allowed limits. The query execution was preempted. This could possibly be due to high CPU and/or memory resource consumption. Optimize your query by following best practices and try again.",
  ],
  ["timedOut", "Query execution took longer than the assigned timeout and was aborted."],
  // The Kusto engine.
  [
    "tooBig",
    "The Kusto DataEngine has failed to execute a query: 'Query result set has exceeded the internal data size limit 67108864 (E_QUERY_RESULT_SET_TOO_LARGE).'",
  ],
  [
    "tooBig",
    "The Kusto DataEngine has failed to execute a query: 'Query result set has exceeded the internal record count limit 500000 (E_QUERY_RESULT_SET_TOO_LARGE).'",
  ],
  ["preempted", "Runaway query (E_RUNAWAY_QUERY). (message: 'Aggregation over string column')"],
  ["preempted", "Low memory condition (E_LOW_MEMORY_CONDITION)."],
  [
    "preempted",
    "HashJoin operator has exceeded the memory budget during evaluation. Results may be incorrect or incomplete.",
  ],
  ["preempted", "Query execution lacks memory resources to complete (80DA0007)."],
  ["timedOut", "The query timed out."],
  ["query", "Semantic error: SEM0100: 'where' operator: Failed to resolve scalar expression"],
  [
    "query",
    "Request is invalid and cannot be processed: Syntax error: SYN0002: Query could not be parsed",
  ],
  [
    "transient",
    "The query was aborted due to throttling. Retrying after some backoff might succeed.",
  ],
];

describe("classifyErrorText", () => {
  test.each(examples)("finds the class %s of: %s", (errorClass, text) => {
    expect(classifyErrorText(text)).toBe(errorClass);
  });

  test("every known text is tested by an example", () => {
    const untested = knownTexts.filter(
      ({ pattern }) => !examples.some(([, text]) => pattern.test(text)),
    );
    expect(untested).toEqual([]);
  });
});

test("a random unknown text never makes a hunt invalid", async () => {
  const words =
    "the query service request failed with an internal error code limit exceeded resource table column operator please retry support 0x80DA0007 BadRequest null".split(
      " ",
    );
  const random = createRandom(7);
  for (let round = 0; round < 500; round += 1) {
    const text = Array.from({ length: 3 + random.below(9) }, () => random.pick(words)).join(" ");
    const status = random.pick([400, 405, 406, 409, 411, 413, 415, 418, 422, 423, 428, 451]);
    const { reply } = await runQuery(createGraphHunting, {
      status,
      json: { error: { code: "BadRequest", message: text } },
    });
    expect(reply).not.toMatchObject({ kind: "refused" });
  }
});
