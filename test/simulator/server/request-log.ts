/** The tenant's memory of every request: what oracles judge afterwards. */
import type { Api, Service } from "./exchange.ts";

/** One request. Secrets in bodies are replaced by their length; tokens are never kept. */
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
  /** By the tenant's clock, in epoch milliseconds. */
  readonly arrivedAtMs: number;
  /** Set once the answer is on its way; undefined while waiting, and for a connection dropped without one. */
  status: number | undefined;
  outcome: "pending" | "answered" | "dropped" | "cancelled";
  /** The caller's client id, or `token` for a Cloud Apps key; undefined before it proved itself. */
  caller: string | undefined;
  /** What the quota said; `none` for a request that never reached it. */
  quota: "granted" | "refused" | "none";
  /** Kind of the injected fault, if any. */
  fault: string | undefined;
  /** What the request did: rows given out, alerts closed. */
  effect: unknown;
  finishedAtMs: number | undefined;
}

/** Picks requests of the log. */
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
  /** The most requests that arrived in any half-open span of `perMs`. */
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

/** The most of `instants` in any half-open span of `perMs`. */
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
