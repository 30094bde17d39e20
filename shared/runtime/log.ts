/**
 * Structured lines: one JSON object per event, from one list of event names and the fields each may
 * carry. What is not on the list cannot be written, so no command line, account name, token or body
 * ever reaches a log.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { redactText } from "./redact.ts";

/**
 * Event → its level and its own fields; `commonFields` are allowed on every event. The alert rules
 * in `infra/` name these.
 */
export const events = {
  "hunt.run": ["info", ["reason", "outcome", "windows", "calls", "version"]],
  "hunt.committed": ["info", ["seq", "blob", "bytes", "mode"]],
  "hunt.halved": ["info", ["cause", "cap"]],
  "hunt.degraded": ["error", ["cause"]],
  "hunt.schemaChanged": ["warn", ["seq", "gained", "lost", "retyped"]],
  "hunt.late": ["warn", ["seq", "exported", "counted"]],
  "quota.paused": ["warn", ["api", "cause", "retryAfterMs"]],
  "breaker.opened": ["error", ["api", "failures", "retryAfterMs"]],
  "files.lookup": [
    "info",
    ["hashes", "found", "notFound", "invalid", "pending", "failed", "cached", "source"],
  ],
  "job.finished": ["info", ["job", "kind", "outcome"]],
  "verdict.accepted": ["info", ["verdict", "source", "alerts", "closure"]],
  "verdict.outcome": [
    "info",
    ["verdict", "closure", "closed", "alreadyClosed", "notFound", "conflicts", "failed"],
  ],
  "audit.gap": ["error", ["seq", "cause"]],
  "audit.anchored": ["info", ["seq", "hash"]],
  "webhook.refused": ["warn", ["source", "status", "cause"]],
  "deadletter.written": ["error", ["queue", "deadLetter", "cause"]],
  "upstream.refused": ["error", ["api", "status", "code", "requestId"]],
  "secret.rotated": ["info", ["secret"]],
  "setting.invalid": ["error", ["settings"]],
} as const satisfies Record<string, readonly ["info" | "warn" | "error", readonly string[]]>;

/** Allowed on every event. */
const commonFields = [
  "tenant",
  "hunt",
  "window",
  "rows",
  "durationMs",
  "attempts",
  "attempt",
] as const;

export type EventName = keyof typeof events;
type Level = "info" | "warn" | "error";
type Field<E extends EventName> = (typeof events)[E][1][number] | (typeof commonFields)[number];
type Fields<E extends EventName> = Partial<Record<Field<E>, string | number | boolean | undefined>>;

/** Writes one event. */
export type Log = <E extends EventName>(event: E, fields?: Fields<E>) => void;

/** Where the lines of the current invocation go, and the id that joins them. */
export interface Invocation {
  readonly correlationId: string;
  readonly write: (level: Level, line: string) => void;
}

const current = new AsyncLocalStorage<Invocation>();

/**
 * Runs `work` so that every event inside it carries this invocation's correlation id and goes to
 * its writer.
 */
export const withInvocation = <T>(invocation: Invocation, work: () => T): T =>
  current.run(invocation, work);

/** The correlation id of the current invocation; empty outside of one. */
export const correlationId = (): string => current.getStore()?.correlationId ?? "";

const maxTextLength = 200;
/** A secret may begin before the cut and end after it. */
const maxRedactedLength = 2_000;

/**
 * A field may quote foreign text, so secrets are removed. One line stays one line: control
 * characters and line separators become spaces, long text is cut.
 */
const flattenText = (value: string | number | boolean): string | number | boolean =>
  typeof value === "string"
    ? redactText(value.slice(0, maxRedactedLength))
        .replaceAll(/[\p{Cc}\u2028\u2029]/gu, " ")
        .slice(0, maxTextLength)
    : value;

/** Returns a log that names the tenant in each line. */
export const createTenantLog =
  (tenant: string): Log =>
  (event, fields) =>
    writeEvent(event, { ...fields, tenant });

/**
 * The log of a running app: lines go to the current invocation, outside of one to standard error.
 */
export const log: Log = (event, fields = {}) => writeEvent(event, fields);

type AnyFields = Readonly<Record<string, string | number | boolean | undefined>>;

function writeEvent(event: EventName, fields: AnyFields): void {
  const [level, ownFields] = events[event];
  const allowed = new Set<string>([...ownFields, ...commonFields]);
  const allowedFields = Object.entries(fields)
    .filter(([name, value]) => allowed.has(name) && value !== undefined)
    .map(([name, value]) => [name, flattenText(value as string | number | boolean)] as const);
  const invocation = current.getStore();
  const line = JSON.stringify({
    event,
    correlationId: invocation?.correlationId,
    ...Object.fromEntries(allowedFields),
  });
  if (invocation) invocation.write(level, line);
  else process.stderr.write(`${line}\n`);
}
