/** Loads data and refreshes it: pauses while the tab is hidden, backs off after errors. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.ts";

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  readonly reload: () => void;
}

/** Pauses after the first error and after many errors, ms. */
const minRetryMs = 2_000;
const maxPauseMs = 300_000;

const toApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, { title: String(error) });

/**
 * Loads data on mount, when a dependency changes, and every `refreshMs` (0: once).
 *
 * @param load - receives a signal that is aborted on unmount
 */
export function useData<T>(
  load: (signal: AbortSignal) => Promise<T>,
  dependencies: readonly unknown[],
  refreshMs = 0,
): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>({
    data: undefined,
    error: undefined,
  });
  const [round, setRound] = useState(0);
  const failures = useRef(0);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const schedule = (): void => {
      const retryMs = Math.min(maxPauseMs, minRetryMs * 2 ** (failures.current - 1));
      const pauseMs = failures.current > 0 ? retryMs : refreshMs;
      if (pauseMs > 0) timer = setTimeout(() => void run(), pauseMs);
    };
    const run = async (): Promise<void> => {
      if (document.hidden) {
        document.addEventListener("visibilitychange", () => void run(), {
          once: true,
          signal: stop.signal,
        });
        return;
      }
      try {
        const data = await load(stop.signal);
        failures.current = 0;
        if (!stop.signal.aborted) setState({ data, error: undefined });
      } catch (error) {
        if (stop.signal.aborted) return;
        const apiError = toApiError(error);
        // A refusal does not change by asking again; an outage does.
        failures.current =
          apiError.status === 0 || apiError.status >= 500 ? failures.current + 1 : 0;
        setState(({ data }) => ({ data, error: apiError }));
      }
      if (!stop.signal.aborted) schedule();
    };
    void run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [...dependencies, round, refreshMs]);
  return { ...state, reload };
}
