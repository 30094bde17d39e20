/** Answers with a long-running operation: 202 while it runs, then 200. */
import type { HttpResponseInit } from "@azure/functions";
import { createOperationHeaders, type Operation } from "../contracts/operation.ts";

/**
 * The answer to a request for an operation. While it runs, the address and the pause until the next
 * request are given.
 */
export const toOperationReply = (
  operation: Operation<unknown>,
  location: string,
  retryAfterSeconds: number,
): HttpResponseInit =>
  operation.status === "running"
    ? {
        status: 202,
        headers: createOperationHeaders(location, retryAfterSeconds),
        jsonBody: operation,
      }
    : { status: 200, jsonBody: operation };

/** The operation of work that was accepted and has no result yet. */
export const createRunningOperation = (id: string): Operation<never> => ({
  id,
  status: "running",
  result: null,
  error: null,
});
