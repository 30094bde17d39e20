/** The end of a log: where its next record is written. */
import { computeChainHash, spanOf } from "./metadata.ts";
import type { LogLocation } from "./paths.ts";
import type { ExportRecord, HuntFormat } from "../ports.ts";
import type { Ticks } from "../../runtime/time.ts";

export interface LogEnd {
  readonly location: LogLocation;
  readonly format: HuntFormat;
  readonly queryHash: string;
  readonly version: number;
  readonly seq: number;
  readonly from: Ticks;
  readonly prev: string;
  /** The newest record of this version; undefined while it has none. */
  readonly last: ExportRecord | undefined;
}

/** Returns the path of the next record. */
export const nextPath = (logEnd: LogEnd): string => logEnd.location.pathOf(logEnd.seq, logEnd.from);

/** Returns the log end after one more record of the same version. */
export const advanceLogEnd = (logEnd: LogEnd, record: ExportRecord): LogEnd => ({
  ...logEnd,
  seq: record.metadata.seq + 1,
  from: spanOf(record.metadata).to,
  prev: computeChainHash(record.metadata),
  last: record,
});
