/**
 * Does the three jobs once for `npm start`: runs the hunts, looks up two files, closes an alert.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Simulator } from "../simulator/simulator.ts";

/** The result of one hunt's job. */
export interface DemoHunt {
  readonly hunt: string;
  readonly rows: number;
  readonly blobs: readonly string[];
  readonly note: string;
}

export interface DemoFile {
  readonly hash: string;
  readonly status: string;
  readonly name: string;
  readonly devices: number | undefined;
}

interface JobAnswer {
  readonly result?: {
    readonly rows: number;
    readonly exports: readonly { readonly rows: number; readonly blob: string }[];
  } | null;
  readonly error?: { readonly message: string } | null;
}

const readJson = async (reply: Response): Promise<unknown> => reply.json();
const postJson = (url: string, body: object): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** Names of the enabled hunts, from the app itself. */
export async function listEnabledHunts(url: string): Promise<string[]> {
  const { value: hunts } = (await readJson(await fetch(`${url}/api/hunts`))) as {
    value: { name: string; enabled: boolean }[];
  };
  return hunts.filter(({ enabled }) => enabled).map(({ name }) => name);
}

const pollMs = 500;
const timeoutMs = 90_000;

/** Starts one hunt and follows its job to the end. */
export async function runHunt(url: string, hunt: string): Promise<DemoHunt> {
  const started = await postJson(`${url}/api/hunts/${hunt}/runs`, {});
  const jobUrl = started.headers.get("location");
  if (started.status !== 202 || !jobUrl)
    return { hunt, rows: 0, blobs: [], note: `not started (${started.status})` };
  for (const deadlineMs = Date.now() + timeoutMs; Date.now() < deadlineMs; await pause(pollMs)) {
    const reply = await fetch(jobUrl);
    const job = (await readJson(reply)) as JobAnswer;
    if (reply.status === 202) continue;
    const blobs = (job.result?.exports ?? []).flatMap(({ blob, rows: rowCount }) =>
      rowCount > 0 ? [blob] : [],
    );
    return {
      hunt,
      rows: job.result?.rows ?? 0,
      blobs,
      note: reply.ok ? (job.error?.message ?? "") : `job answered ${reply.status}`,
    };
  }
  return { hunt, rows: 0, blobs: [], note: "still running" };
}

/** Looks up files by SHA-1. */
export async function enrichFiles(url: string, hashes: readonly string[]): Promise<DemoFile[]> {
  const reply = await postJson(`${url}/api/files/stats`, { sha1: hashes, lookBackHours: 720 });
  const { result } = (await readJson(reply)) as {
    result?: {
      results: {
        hash: string;
        status: string;
        statistics?: { organizationPrevalence?: number; topFileNames?: string[] };
      }[];
    } | null;
  };
  return (result?.results ?? []).map(({ hash, status, statistics }) => ({
    hash,
    status,
    name: statistics?.topFileNames?.[0] ?? "",
    devices: statistics?.organizationPrevalence,
  }));
}

/** Asks for one alert to be closed and waits for its outcome. */
export async function closeAlert(
  url: string,
  alertId: string,
): Promise<{ id: string; outcome: string }> {
  const id = `npm-start-${Date.now()}`;
  await postJson(`${url}/api/alerts/verdicts`, {
    version: 1,
    id,
    alertIds: [alertId],
    action: "dismiss",
    reason: "notOfInterest",
    comment: "Closed by npm start",
    requestedBy: "npm start",
    requestedAt: new Date().toISOString(),
  });
  for (const deadlineMs = Date.now() + timeoutMs; Date.now() < deadlineMs; await pause(pollMs)) {
    const reply = await fetch(`${url}/api/alerts/verdicts/${id}`);
    const { status, result } = (await readJson(reply)) as {
      status: string;
      result: { alerts: { outcome: string }[] };
    };
    if (status !== "running") return { id, outcome: result.alerts[0]?.outcome ?? "" };
  }
  return { id, outcome: "waiting" };
}

/** Two hashes to look up: a file that runs at this hour, and one that no device has. */
export const pickHashes = (simulator: Simulator): string[] => {
  const [known] = simulator.dataset.files;
  return [known?.sha1 ?? "", "0".repeat(40)];
};
