/**
 * Generates changes of everything around a run of a hunt: the schema and the format of answers, the
 * wording of errors, limits, the token, consent and permissions, and clocks. Each change begins at
 * an instant or at a step of a protocol, and happens once, flaps between calls, lasts for a while
 * or is for good.
 */
import { hourMs, minuteMs } from "../../shared/runtime/time.ts";

/** What changes. */
export const changeKinds = {
  schema: [
    "gainColumn",
    "gainTime",
    "loseColumn",
    "changeType",
    "changeExtraType",
    "changeCase",
    "changeRowCase",
    "loseTimeColumn",
  ],
  format: [
    "omitSchema",
    "putSchemaLast",
    "reorderMembers",
    "omitNulls",
    "shortenTimes",
    "annotate",
    "respellNumbers",
  ],
  wording: ["refuseUnknown", "refuseHeavy", "refuseTransient", "failServer", "throttle", "cutBody"],
  limits: ["lowerRowLimit", "limitSize"],
  credentials: ["rotateToken", "revokeConsent", "removePermission"],
  storage: ["forbidWrites"],
  clock: ["stopStorageClock", "setStorageClockBack", "setClockAhead", "setClockBack"],
} as const;

export type ChangeKind = (typeof changeKinds)[keyof typeof changeKinds][number];

const kinds: readonly ChangeKind[] = Object.values(changeKinds).flat();

/** Kinds that meet each other most: only together do they show some faults. */
const answerKinds: readonly ChangeKind[] = [...changeKinds.schema, ...changeKinds.format];

/** Changes that a service keeps; all others end before the final runs. */
const lastingKinds: ReadonlySet<ChangeKind> = new Set([
  ...changeKinds.schema.filter((kind) => kind !== "loseTimeColumn"),
  ...changeKinds.format,
  "lowerRowLimit",
  "rotateToken",
]);

/** The steps at which a change may begin: before, during and after each call of the protocol. */
const steps = [
  "E1 head read",
  "E2 window planned",
  "E4 request sent",
  "E5 headers in",
  "E6 body parsed",
  "E7 completeness proven",
  "E8 window halved",
  "E9 known rows loaded",
  "E13 head cache written",
  "E15 continuation enqueued",
  "E16 before message delete",
  "R1 recount half done",
  "token issued",
  "service reached",
  "service answers",
  ...["find", "finish", "commit", "read", "create", "replace", "rows", "clock"].flatMap((call) => [
    call,
    `${call}, answered`,
  ]),
  "send hunt-results",
  "send hunt-runs",
] as const;

/** One change of a schedule. */
export interface ScheduledChange {
  readonly kind: ChangeKind;
  /** When it begins: an instant, or the n-th time that an instance passes a step. */
  readonly begins: { readonly atMs: number } | { readonly step: string; readonly count: number };
  readonly lasts: "once" | "flapping" | "forAWhile" | "forGood";
  readonly lengthMs: number;
}

/** Draws the changes of one schedule: one to five, half of them in schema and format. */
export function drawChanges(
  random: () => number,
  startMs: number,
  hours: number,
): readonly ScheduledChange[] {
  const pickOne = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  return Array.from({ length: 1 + Math.floor(random() * 5) }, (): ScheduledChange => {
    const kind = pickOne(random() < 0.5 ? answerKinds : kinds);
    const begins =
      random() < 0.5
        ? { atMs: startMs + random() * hours * hourMs }
        : { step: pickOne(steps), count: 1 + Math.floor(random() * 40) };
    const lasts = pickOne([
      "once",
      "flapping",
      "forAWhile",
      lastingKinds.has(kind) ? "forGood" : "forAWhile",
    ] as const);
    return { kind, begins, lasts, lengthMs: minuteMs + random() * 3 * hourMs };
  });
}

interface RunningChange {
  readonly change: ScheduledChange;
  beganMs: number | undefined;
  passes: number;
  isOver: boolean;
}

/** The changes of one schedule while it runs. */
export class HuntChanges {
  readonly #random: () => number;
  readonly #nowMs: () => number;
  #running: RunningChange[];
  #stoppedClockMs: number | undefined;

  constructor(changes: readonly ScheduledChange[], random: () => number, nowMs: () => number) {
    this.#random = random;
    this.#nowMs = nowMs;
    this.#running = changes.map((change) => ({
      change,
      beganMs: undefined,
      passes: 0,
      isOver: false,
    }));
  }

  /** Notices that an instance passes a step. */
  passStep(step: string): void {
    for (const one of this.#running) {
      const { begins } = one.change;
      if (one.beganMs !== undefined || !("step" in begins) || begins.step !== step) continue;
      one.passes += 1;
      if (one.passes >= begins.count) one.beganMs = this.#nowMs();
    }
  }

  /** Decides whether a change is in force for one call; a change that happens once is then over. */
  isActive(kind: ChangeKind): boolean {
    return this.#running.some((one) => one.change.kind === kind && this.#isInForce(one));
  }

  /** Returns the storage service's clock. */
  shiftStorageClock(nowMs: number): number {
    if (this.isActive("setStorageClockBack")) return nowMs - 20 * minuteMs;
    if (!this.isActive("stopStorageClock")) this.#stoppedClockMs = undefined;
    else this.#stoppedClockMs ??= nowMs;
    return this.#stoppedClockMs ?? nowMs;
  }

  /** Returns by how much the clock of the processes is wrong. */
  findClockOffset(): number {
    const ahead = this.isActive("setClockAhead") ? 5 * hourMs : 0;
    return this.isActive("setClockBack") ? ahead - 3 * hourMs : ahead;
  }

  /** Ends what passes; what a service keeps is steady from now on. */
  stop(): void {
    this.#running = this.#running
      .filter(({ change }) => lastingKinds.has(change.kind))
      .map((one) => ({
        ...one,
        isOver: one.isOver || one.change.lasts === "once",
        change: {
          ...one.change,
          lasts: one.change.lasts === "flapping" ? "forAWhile" : one.change.lasts,
        },
      }));
  }

  #isInForce(one: RunningChange): boolean {
    const { begins, lasts, lengthMs } = one.change;
    const nowMs = this.#nowMs();
    if (one.beganMs === undefined && "atMs" in begins && nowMs >= begins.atMs)
      one.beganMs = begins.atMs;
    if (one.beganMs === undefined || one.isOver) return false;
    if (lasts === "once") return (one.isOver = true);
    if (lasts !== "forGood" && nowMs >= one.beganMs + lengthMs) return false;
    return lasts !== "flapping" || this.#random() < 0.5;
  }
}
