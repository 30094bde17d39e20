/**
 * Generates changes of the service and the storage clock during a schedule: the columns of answers,
 * answers without a schema, unknown refusals, and a storage clock that stops or lags. A change
 * happens once, flaps between calls, or is for good.
 */
import type { HuntColumn } from "../../shared/contracts/compiled-hunt.ts";
import type { HuntingReply } from "../../shared/hunts/ports.ts";
import { formatInstant, hourMs, minuteMs } from "../../shared/runtime/time.ts";
import type { HuntSource, SourceRow } from "../support/hunt-source.ts";

type ChangeKind =
  | "gainColumn"
  | "loseColumn"
  | "changeType"
  | "changeCase"
  | "omitSchema"
  | "unknownRefusal"
  | "laggingClock";

interface ScheduledChange {
  readonly kind: ChangeKind;
  readonly fromMs: number;
  readonly toMs: number;
  readonly isFlapping: boolean;
}

/** The changes of one schedule. */
export interface HuntChanges {
  readonly columns: readonly HuntColumn[];
  /** Puts the source into its state at this instant. */
  readonly changeSource: (source: HuntSource, nowMs: number) => void;
  /** Returns the reply of the service instead of an answer, if any. */
  readonly findRefusal: (nowMs: number) => HuntingReply | undefined;
  /** Returns the storage clock. */
  readonly shiftClock: (nowMs: number) => number;
  /** Ends refusals, flapping and clock errors. */
  readonly stop: () => void;
}

const baseColumns: readonly HuntColumn[] = [
  { name: "Timestamp", type: "datetime" },
  { name: "Id", type: "string" },
  { name: "Size", type: "int" },
  { name: "FileName", type: "string" },
];

const kinds: readonly ChangeKind[] = [
  "gainColumn",
  "loseColumn",
  "changeType",
  "changeCase",
  "omitSchema",
  "unknownRefusal",
  "laggingClock",
];

const passingKinds: ReadonlySet<ChangeKind> = new Set(["unknownRefusal", "laggingClock"]);

export function createHuntChanges(
  random: () => number,
  startMs: number,
  hours: number,
): HuntChanges {
  let changes = Array.from({ length: 1 + Math.floor(random() * 3) }, (): ScheduledChange => {
    const kind = kinds[Math.floor(random() * kinds.length)] ?? "gainColumn";
    const fromMs = startMs + random() * hours * hourMs;
    const isForGood = !passingKinds.has(kind) && random() < 0.5;
    const toMs = isForGood ? Number.POSITIVE_INFINITY : fromMs + random() * 3 * hourMs;
    return { kind, fromMs, toMs, isFlapping: random() < 0.3 };
  });
  let lastClockMs = 0;
  const isActive = (kind: ChangeKind, nowMs: number): boolean =>
    changes.some(
      (change) =>
        change.kind === kind &&
        nowMs >= change.fromMs &&
        nowMs < change.toMs &&
        (!change.isFlapping || random() < 0.5),
    );
  return {
    columns: baseColumns,
    changeSource: (source, nowMs) => {
      // An answer without a schema is read with the compiled columns, so it has these.
      const hasSchema = !isActive("omitSchema", nowMs);
      const columns = hasSchema ? findColumns((kind) => isActive(kind, nowMs)) : baseColumns;
      source.columns = hasSchema ? columns : undefined;
      source.toLine = (row) => formatRow(row, columns);
    },
    findRefusal: (nowMs) =>
      isActive("unknownRefusal", nowMs)
        ? { kind: "failed", message: "400: Quux exhausted", isUnknownRefusal: true }
        : undefined,
    shiftClock: (nowMs) => {
      if (isActive("laggingClock", nowMs)) return Math.max(lastClockMs, nowMs - 20 * minuteMs);
      lastClockMs = nowMs;
      return nowMs;
    },
    stop: () => {
      changes = changes
        .filter(({ kind }) => !passingKinds.has(kind))
        .map((change) => ({ ...change, isFlapping: false }));
    },
  };
}

function findColumns(isActive: (kind: ChangeKind) => boolean): readonly HuntColumn[] {
  const [losesColumn, changesType] = [isActive("loseColumn"), isActive("changeType")];
  const changesCase = isActive("changeCase");
  const columns = baseColumns
    .filter(({ name }) => !(losesColumn && name === "Size"))
    .map((column): HuntColumn => {
      if (changesType && column.name === "Size") return { ...column, type: "string" };
      return changesCase && column.name === "FileName" ? { ...column, name: "Filename" } : column;
    });
  return isActive("gainColumn") ? [...columns, { name: "New", type: "string" }] : columns;
}

function formatRow({ at, id }: SourceRow, columns: readonly HuntColumn[]): string {
  const members = columns.slice(2).map(({ name, type }) => {
    const value = name === "Size" ? String(id.length) : `${id}.exe`;
    return `,"${name}":${type === "int" ? value : JSON.stringify(value)}`;
  });
  return `{"Timestamp":"${formatInstant(at)}","Id":"${id}"${members.join("")}}`;
}

/** Returns the line that identifies a row, whatever its other columns. */
export function toIdentityLine(line: string): string {
  const { Timestamp, Id } = JSON.parse(line) as { readonly Timestamp: string; readonly Id: string };
  return `{"Timestamp":"${Timestamp}","Id":"${Id}"}`;
}
