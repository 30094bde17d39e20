/** Follows an operation until it ends. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, callApi, type ApiReply } from "./api.ts";

/** A reply of the operation: 202 while it runs. */
export interface Followed<T> {
  readonly reply: ApiReply<T> | undefined;
  readonly error: ApiError | undefined;
  readonly isRunning: boolean;
}

const minPauseMs = 1_000;
const maxPauseMs = 10_000;

const pauseAfter = (reply: ApiReply<unknown>): number => {
  const seconds = Number(reply.headers.get("retry-after") ?? 2);
  return Math.min(maxPauseMs, Math.max(minPauseMs, seconds * 1_000));
};

/**
 * Polls `url` while it answers 202; tries again after outages. Does nothing without a URL.
 *
 * @param round - a new value reads the operation again
 */
export function useJob<T>(url: string | undefined, round = 0): Followed<T> {
  const [state, setState] = useState<Followed<T>>({
    reply: undefined,
    error: undefined,
    isRunning: false,
  });
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    setState({ reply: undefined, error: undefined, isRunning: url !== undefined });
    const poll = async (): Promise<void> => {
      if (url === undefined) return;
      try {
        const reply = await callApi<T>(url, { signal: stop.signal });
        const isRunning = reply.status === 202;
        setState({ reply, error: undefined, isRunning });
        if (isRunning) timer = setTimeout(() => void poll(), pauseAfter(reply));
      } catch (error) {
        if (stop.signal.aborted || !(error instanceof ApiError)) return;
        const canRecover = error.status === 0 || error.status >= 500 || error.status === 429;
        setState(({ reply }) => ({ reply, error, isRunning: canRecover }));
        if (canRecover) timer = setTimeout(() => void poll(), maxPauseMs);
      }
    };
    void poll();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [url, round]);
  return state;
}
