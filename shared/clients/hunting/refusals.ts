/**
 * What a failed hunting call means. The service says much of it in words only: one status, 400, stands for a wrong
 * query, a result too big and a query too heavy, so the text decides.
 */
import * as z from "zod/mini";
import type { HuntingReply } from "../../hunts/ports.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import { minuteMs } from "../../runtime/time.ts";
import type { HuntingPreset } from "./presets.ts";

/** Statuses that this file reads; the pipe handles all others. */
export const expectedStatuses = [400, 403, 404, 410, 504] as const;

const maxMessageLength = 300;
const errorBodySchema = z.object({
  error: z.object({ code: z.optional(z.string()), message: z.optional(z.string()) }),
});

/** The service's code and message; of a body that is no JSON, its beginning. */
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

/** Texts of a 400, most telling first. What none of them names is taken for a wrong query. */
const badRequests: readonly (readonly [RegExp, (message: string) => HuntingReply])[] = [
  [
    /exceeded the allowed (?:result size|amount of results|number of results)/i,
    () => ({ kind: "too-big" }),
  ],
  [
    /preempted|exceeded the allowed limits|high CPU/i,
    () => ({ kind: "too-heavy", cause: "preempted" }),
  ],
  [/timed? ?-?out/i, () => ({ kind: "too-heavy", cause: "timed-out" })],
  [
    /resolve table or column expression|Failed to resolve table/i,
    (message) => toRefusal("table", message),
  ],
];

/**
 * What an answer other than 2xx means.
 *
 * @param nowMs - epoch milliseconds: after its retirement a 403 of an API is its end, not a missing permission
 */
export function classifyRefusal(
  preset: HuntingPreset,
  status: number,
  body: unknown,
  nowMs: number,
): HuntingReply {
  const message = readMessage(body);
  const sentence = `${preset.title} answered ${status}${message === "" ? "" : `: ${message}`}`;
  if (status === 504) return { kind: "too-heavy", cause: "timed-out" };
  if (status === 400) {
    const match = badRequests.find(([pattern]) => pattern.test(message));
    return match ? match[1](sentence) : toRefusal("query", sentence);
  }
  if (status === 403) {
    const isEnd = isRetired(preset, nowMs) && !message.includes("Missing application roles");
    return isEnd ? toRetiredReply(preset, sentence) : toRefusal("permission", sentence);
  }
  return preset.retiresOn === undefined
    ? toRefusal("tenant", sentence)
    : toRetiredReply(preset, sentence);
}

/** True from the day of its retirement on. */
export const isRetired = (preset: HuntingPreset, nowMs: number): boolean =>
  preset.retiresOn !== undefined && nowMs >= Date.parse(preset.retiresOn);

/** The refusal of an API that is no more. */
export const toRetiredReply = (preset: HuntingPreset, sentence: string): HuntingReply =>
  toRefusal("retired", `${sentence}. It retires on ${preset.retiresOn}: set HUNTING_API to graph.`);

const tenantTexts = /not provisioned|account mode|no \w+ licen[sc]e/i;
const quarterHourMs = 15 * minuteMs;

/**
 * What an error of the pipe means. Without a `Retry-After`, a spent quota opens again with the next quarter hour.
 *
 * @throws the error itself when it is none of the pipe's
 */
export function toFailureReply(preset: HuntingPreset, error: unknown, nowMs: number): HuntingReply {
  if (!(error instanceof UpstreamError)) throw error;
  const message = error.upstreamMessage ?? "";
  const sentence = `${preset.title}: ${error.message}${message === "" ? "" : `: ${message}`}`;
  switch (error.code) {
    case "throttled":
      return {
        kind: "later",
        retryAfterMs: error.retryAfterMs ?? quarterHourMs - (nowMs % quarterHourMs),
        cause: message === "" ? error.message : message,
      };
    case "unauthorized":
      return toRefusal(tenantTexts.test(message) ? "tenant" : "authentication", sentence);
    case "forbidden":
    case "notFound":
    case "rejected":
      return classifyRefusal(preset, error.status ?? 400, { error: { message } }, nowMs);
    case "unavailable":
      return error.status === 504
        ? { kind: "too-heavy", cause: "timed-out" }
        : error.retryAfterMs === undefined
          ? { kind: "failed", message: sentence }
          : { kind: "later", retryAfterMs: error.retryAfterMs, cause: sentence };
    case "unexpectedResponse": {
      // A retired address may well answer with a page.
      const isGone = error.status === 404 || error.status === 410;
      return isGone && preset.retiresOn !== undefined
        ? toRetiredReply(preset, sentence)
        : { kind: "failed", message: sentence };
    }
  }
}
