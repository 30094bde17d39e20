/** Long-running operations: one resource for jobs, verdicts and webhook deliveries. */
import * as z from "zod/mini";

export const operationStatuses = ["running", "succeeded", "failed", "canceled"] as const;
export type OperationStatus = (typeof operationStatuses)[number];

const operationError = z.object({ code: z.string(), message: z.string() });
export type OperationError = z.infer<typeof operationError>;

/**
 * An operation with its result. `result` is null until it is known, `error` unless the operation
 * failed.
 */
export interface Operation<T> {
  /** Null when the request was answered at once, without a job. */
  readonly id: string | null;
  readonly status: OperationStatus;
  readonly result: T | null;
  readonly error: OperationError | null;
}

/** The schema of an operation with this result. */
export const createOperationSchema = <T extends z.core.$ZodType>(result: T) =>
  z.object({
    id: z.nullable(z.string()),
    status: z.enum(operationStatuses),
    result: z.nullable(result),
    error: z.nullable(operationError),
  });

/** The headers of a 202: where the operation is, and when to look at it again. */
export const createOperationHeaders = (location: string, retryAfterSeconds: number) => ({
  location,
  "operation-location": location,
  "retry-after": String(retryAfterSeconds),
});
