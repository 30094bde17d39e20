/**
 * Decides what a failed hunting call means. One status, 400, covers a wrong query, a result that is
 * too big and a query that is too heavy, so the text of the response decides.
 */
import * as z from "zod/mini";
import type { HuntingReply } from "../../hunts/ports.ts";
import { describeStatus, readRetryAfterMs } from "../../http-pipeline/read-failure.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import { minuteMs } from "../../runtime/time.ts";
import { classifyErrorText } from "./error-texts.ts";
import type { HuntingPreset } from "./presets.ts";

/** Statuses that this file reads. The pipeline handles all others. */
export const expectedStatuses = [400, 403, 404, 410, 504] as const;

const maxMessageLength = 500;
const errorBodySchema = z.object({
  error: z.object({ code: z.optional(z.string()), message: z.optional(z.string()) }),
});

/** Returns the service's message or code; for a body that is not JSON, its beginning. */
function readMessage(body: unknown): string {
  const parsed = errorBodySchema.safeParse(body);
  const text = parsed.success
    ? parsed.data.error.message || parsed.data.error.code
    : typeof body === "string"
      ? body
      : "";
  return (text ?? "").replace(/\s+/g, " ").slice(0, maxMessageLength);
}

const toRefusal = (
  cause: Extract<HuntingReply, { kind: "refused" }>["cause"],
  message: string,
): HuntingReply => ({
  kind: "refused",
  cause,
  message,
});

/**
 * Returns what a response other than 2xx means. Only a known text about the query makes the query
 * wrong; an unknown refusal is transient.
 *
 * @param nowMs - epoch milliseconds: after an API's retirement a 403 means its end, not a missing
 *   permission
 */
export function classifyRefusal(
  preset: HuntingPreset,
  status: number,
  body: unknown,
  nowMs: number,
): HuntingReply {
  const message = readMessage(body);
  const name = describeStatus(status);
  const details = [name, message].filter((part) => part !== undefined && part !== "").join(": ");
  const sentence = `${preset.title} answered ${status}${details === "" ? "" : `: ${details}`}`;
  switch (status) {
    case 400:
      return classifyBadRequest(message, sentence, nowMs);
    case 403:
      return isRetired(preset, nowMs) && !message.includes("Missing application roles")
        ? toRetiredReply(preset, sentence)
        : toRefusal("permission", sentence);
    case 404:
    case 410:
      return preset.retiresOn === undefined
        ? toRefusal("tenant", sentence)
        : toRetiredReply(preset, sentence);
    case 504:
      return { kind: "too-heavy", cause: "timed-out" };
    default:
      return isRetired(preset, nowMs)
        ? toRetiredReply(preset, sentence)
        : toUnknownRefusal(sentence);
  }
}

function classifyBadRequest(message: string, sentence: string, nowMs: number): HuntingReply {
  const errorClass = classifyErrorText(message);
  switch (errorClass) {
    case "query":
    case "table":
      return toRefusal(errorClass, sentence);
    case "tooBig":
      return { kind: "too-big" };
    case "preempted":
      return { kind: "too-heavy", cause: "preempted" };
    case "timedOut":
      return { kind: "too-heavy", cause: "timed-out" };
    case "runTime":
      return { kind: "later", retryAfterMs: readRunTimeWait(message, nowMs), cause: sentence };
    case "transient":
      return { kind: "failed", message: sentence };
    case undefined:
      return toUnknownRefusal(sentence);
    default:
      return errorClass satisfies never;
  }
}

const toUnknownRefusal = (message: string): HuntingReply => ({
  kind: "failed",
  message,
  isUnknownRefusal: true,
});

/**
 * Returns the wait that the text names, else the time until the next quarter hour, when run time is
 * free again.
 */
const readRunTimeWait = (message: string, nowMs: number): number =>
  readRetryAfterMs(new Headers(), message, nowMs) ?? quarterHourMs - (nowMs % quarterHourMs);

/** True from the day of the API's retirement on. */
export const isRetired = (preset: HuntingPreset, nowMs: number): boolean =>
  preset.retiresOn !== undefined && nowMs >= Date.parse(preset.retiresOn);

/** Returns the refusal of a retired API. */
export const toRetiredReply = (preset: HuntingPreset, sentence: string): HuntingReply =>
  toRefusal("retired", `${sentence}. It retires on ${preset.retiresOn}: set HUNTING_API to graph.`);

const tenantTexts = /not provisioned|account mode|no \w+ licen[sc]e/i;
const quarterHourMs = 15 * minuteMs;

/**
 * Returns what an error of the pipeline means. Without a `Retry-After`, a used-up quota opens again
 * with the next quarter hour.
 *
 * @throws the error itself when it is not an UpstreamError
 */
export function toFailureReply(preset: HuntingPreset, error: unknown, nowMs: number): HuntingReply {
  if (!(error instanceof UpstreamError)) throw error;
  const { upstreamMessage: message = "" } = error;
  const sentence = [preset.title, error.message, message].filter((part) => part !== "").join(": ");
  switch (error.code) {
    case "throttled":
      return toThrottledReply(error, message, nowMs);
    case "unauthorized":
      return toRefusal(tenantTexts.test(message) ? "tenant" : "authentication", sentence);
    case "forbidden":
    case "notFound":
    case "rejected":
      return classifyRefusal(preset, error.status ?? 400, { error: { message } }, nowMs);
    case "unavailable":
      return toUnavailableReply(error, sentence);
    case "unexpectedResponse":
      return toUnexpectedReply(preset, error.status, sentence);
  }
}

const toThrottledReply = (
  { message: ownMessage, retryAfterMs }: UpstreamError,
  message: string,
  nowMs: number,
): HuntingReply => ({
  kind: "later",
  retryAfterMs: retryAfterMs ?? quarterHourMs - (nowMs % quarterHourMs),
  cause: message === "" ? ownMessage : message,
});

function toUnavailableReply(
  { status, retryAfterMs }: UpstreamError,
  sentence: string,
): HuntingReply {
  if (status === 504) return { kind: "too-heavy", cause: "timed-out" };
  return retryAfterMs === undefined
    ? { kind: "failed", message: sentence }
    : { kind: "later", retryAfterMs, cause: sentence };
}

/** The address of a retired API may return a page. */
const toUnexpectedReply = (
  preset: HuntingPreset,
  status: number | undefined,
  sentence: string,
): HuntingReply =>
  (status === 404 || status === 410) && preset.retiresOn !== undefined
    ? toRetiredReply(preset, sentence)
    : { kind: "failed", message: sentence };
