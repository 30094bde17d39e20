/** Log of every request, which tests check afterwards. */
import type { Api, Service } from "./exchange.ts";

/** One request. Secrets in bodies are replaced by their length; tokens are never logged. */
export interface RequestRecord {
  /** 1, 2, 3 … in order of arrival. */
  readonly seq: number;
  readonly service: Service;
  readonly api: Api | "unknown";
  /** Name of the route, such as `graph` or `alerts.close_benign`; `none` for an unknown path. */
  readonly route: string;
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  readonly authorization: "none" | "Bearer" | "Token" | "other";
  readonly clientRequestId: string | undefined;
  /** JSON or form fields, parsed; text where it is neither; undefined without a body. */
  readonly body: unknown;
  /** Epoch milliseconds of the simulator's clock. */
  readonly arrivedAtMs: number;
  /**
   * Set when the answer is sent; undefined before, and for a connection dropped without an answer.
   */
  status: number | undefined;
  outcome: "pending" | "answered" | "dropped" | "cancelled";
  /** The caller's client id, or `token` for a Cloud Apps key; undefined before authentication. */
  caller: string | undefined;
  /** Result of the quota check; `none` if the request did not reach it. */
  quota: "granted" | "refused" | "none";
  /** Kind of the injected fault, if any. */
  fault: string | undefined;
  /** Effect of the request: rows returned, alerts closed. */
  effect: unknown;
  finishedAtMs: number | undefined;
}

/** Filters requests of the log. */
export interface RequestFilter {
  readonly api?: Api | "unknown";
  readonly route?: string;
  readonly status?: number;
  /** Only those after this `seq`. */
  readonly after?: number;
}

export interface RequestLog {
  readonly add: (record: Omit<RequestRecord, "seq">) => RequestRecord;
  readonly list: (filter?: RequestFilter) => RequestRecord[];
  readonly clear: () => void;
  /** Counts the most requests in any half-open span of `perMs`. */
  readonly countBusiest: (perMs: number, filter?: RequestFilter) => number;
}

/** Keeps at most `maxRecords` records, dropping the oldest. */
export function createRequestLog(maxRecords = 200_000): RequestLog {
  let records: RequestRecord[] = [];
  let seq = 0;
  const listRecords = (filter: RequestFilter = {}): RequestRecord[] =>
    records.filter((record) => matchesFilter(record, filter));
  return {
    add: (fields) => {
      seq += 1;
      const record: RequestRecord = { ...fields, seq };
      records.push(record);
      if (records.length > maxRecords * 1.1) records = records.slice(-maxRecords);
      return record;
    },
    list: listRecords,
    clear: () => {
      records = [];
    },
    countBusiest: (perMs, filter) =>
      countBusiest(
        listRecords(filter).map((record) => record.arrivedAtMs),
        perMs,
      ),
  };
}

const matchesFilter = (record: RequestRecord, filter: RequestFilter): boolean =>
  (filter.api === undefined || record.api === filter.api) &&
  (filter.route === undefined || record.route === filter.route) &&
  (filter.status === undefined || record.status === filter.status) &&
  (filter.after === undefined || record.seq > filter.after);

/** Counts the most `instants` in any half-open span of `perMs`. */
export function countBusiest(instants: readonly number[], perMs: number): number {
  const sorted = [...instants].sort((a, b) => a - b);
  let first = 0;
  let max = 0;
  for (const [last, at] of sorted.entries()) {
    while ((sorted[first] ?? at) <= at - perMs) first += 1;
    max = Math.max(max, last - first + 1);
  }
  return max;
}
