/** Starts a run or a backfill of a hunt and follows its job. */
import { useState } from "preact/hooks";
import { ApiError, callApi } from "../api.ts";
import type { HuntDetail, Operation } from "../answers.ts";
import { useJob } from "../use-job.ts";
import { ErrorBox, formatCount, Notice, Section } from "../widgets.tsx";

type RunJob = Operation<{ readonly rows: number; readonly windows: number }>;

/** Each window needs a query and a count that proves it complete. */
const callsPerWindow = 2;

/** Estimates the calls of a backfill; windows with many rows need more. */
function estimateCalls(hunt: HuntDetail, from: string, to: string): number {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1_000;
  return seconds > 0 ? Math.ceil(seconds / hunt.intervalSeconds) * callsPerWindow : 0;
}

interface RunState {
  readonly job: string | undefined;
  readonly error: ApiError | undefined;
}

async function startRun(hunt: HuntDetail, body: object): Promise<RunState> {
  try {
    const reply = await callApi(`hunts/${hunt.name}/runs`, { method: "POST", body });
    return { job: reply.headers.get("location") ?? undefined, error: undefined };
  } catch (error) {
    if (error instanceof ApiError) return { job: undefined, error };
    throw error;
  }
}

export function HuntRuns({ hunt, onDone }: { hunt: HuntDetail; onDone: () => void }) {
  const [{ job, error }, setRun] = useState<RunState>({ job: undefined, error: undefined });
  const start = (body: object): void => void startRun(hunt, body).then(setRun);
  return (
    <Section title="Run">
      <p>
        <fluent-button appearance="primary" onClick={() => start({})}>
          Run now
        </fluent-button>
      </p>
      <Backfill hunt={hunt} onStart={start} />
      {error ? <ErrorBox error={error} /> : null}
      {job === undefined ? null : <RunProgress key={job} url={job} onDone={onDone} />}
    </Section>
  );
}

function Backfill({ hunt, onStart }: { hunt: HuntDetail; onStart: (body: object) => void }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const span = { from: `${from}:00Z`, to: `${to}:00Z` };
  const calls = from && to ? estimateCalls(hunt, span.from, span.to) : 0;
  const submit = (event: Event): void => {
    event.preventDefault();
    if (calls > 0) onStart(span);
  };
  return (
    <details>
      <summary>Backfill a past time range</summary>
      <form class="toolbar" onSubmit={submit}>
        <label class="choice">
          <span>From (UTC)</span>
          <input
            type="datetime-local"
            required
            value={from}
            onInput={(event) => setFrom(event.currentTarget.value)}
          />
        </label>
        <label class="choice">
          <span>To (UTC)</span>
          <input
            type="datetime-local"
            required
            value={to}
            onInput={(event) => setTo(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={calls === 0}>
          Start backfill
        </button>
        <span class="muted">
          {calls > 0 ? `Needs about ${formatCount(calls, "call")} of the hunting quota.` : ""}
        </span>
      </form>
    </details>
  );
}

function RunProgress({ url, onDone }: { url: string; onDone: () => void }) {
  const { reply, error, isRunning } = useJob<RunJob>(url);
  const body = reply?.body;
  const [isReported, setReported] = useState(false);
  if (!isRunning && reply && !isReported) {
    setReported(true);
    onDone();
  }
  if (error && !isRunning) return <ErrorBox error={error} />;
  if (isRunning || !body)
    return (
      <div role="status">
        <p>The run is in progress…</p>
        <fluent-progress-bar aria-label="Run in progress" />
      </div>
    );
  return <RunEnd job={body} />;
}

function RunEnd({ job: { status, result, error } }: { job: RunJob }) {
  if (status !== "succeeded")
    return (
      <Notice tone="danger">
        Run {status}. {error?.message}
      </Notice>
    );
  return (
    <Notice tone="success">
      Run finished: {formatCount(result?.rows ?? 0, "row")} in{" "}
      {formatCount(result?.windows ?? 0, "window")}.
    </Notice>
  );
}
