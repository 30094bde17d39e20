/**
 * Checks a deployment: calls without a key are refused, the app is healthy, hunts have timers, and
 * one hunt runs. The key is never printed and never part of a command line.
 */
import type { Output } from "../output.ts";
import { runAzJson, type RunAz } from "./az.ts";

/** What the command needs from outside. */
export interface CheckDeps {
  readonly output: Output;
  readonly sleep: (ms: number) => Promise<void>;
}

/** A deployed app. */
export interface DeployedApp {
  readonly url: string;
  /** A function key. */
  readonly key: string;
  /** Number of hunts with a timer. */
  readonly timerCount: number;
}

const requestTimeoutMs = 60_000;
const pollDelayMs = 5_000;
const maxPolls = 60;

/** Reads address, key and functions of the app from Azure. */
export async function readDeployedApp(az: RunAz, group: string, app: string): Promise<DeployedApp> {
  const names = ["--resource-group", group, "--name", app];
  const site = await runAzJson<{ defaultHostName: string }>(az, ["functionapp", "show", ...names]);
  const keys = await runAzJson<{ functionKeys: { default: string } }>(az, [
    "functionapp",
    "keys",
    "list",
    ...names,
  ]);
  const functions = await runAzJson<readonly { name: string }[]>(az, [
    "functionapp",
    "function",
    "list",
    ...names,
  ]);
  return {
    url: `https://${site?.defaultHostName ?? ""}`,
    key: keys?.functionKeys.default ?? "",
    timerCount: (functions ?? []).filter(({ name }) => name.includes("/hunt_")).length,
  };
}

/** Returns whether every check passed; `hunt` is run once. */
export async function checkApp(
  deps: CheckDeps,
  { url, key, timerCount }: DeployedApp,
  hunt: string,
): Promise<boolean> {
  const results = [
    await checkRefusal(url),
    await checkHealth(url),
    { name: "hunts have timers", problem: timerCount > 0 ? undefined : "no hunt has a timer" },
    await checkHunt(deps, { url, key, hunt }),
  ];
  for (const { name, problem } of results)
    deps.output.line(problem === undefined ? `ok    ${name}` : `FAIL  ${name}: ${problem}`);
  return results.every(({ problem }) => problem === undefined);
}

interface CheckResult {
  readonly name: string;
  /** What is wrong; absent when the check passed. */
  readonly problem: string | undefined;
}

const sendRequest = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, signal: AbortSignal.timeout(requestTimeoutMs) });

async function checkRefusal(url: string): Promise<CheckResult> {
  const { status } = await sendRequest(`${url}/api/hunts/tick`, { method: "POST" });
  return {
    name: "a call without a key is refused",
    problem: status === 401 ? undefined : `expected 401, got ${status}`,
  };
}

async function checkHealth(url: string): Promise<CheckResult> {
  const response = await sendRequest(`${url}/api/health`);
  const { status } = (await response.json()) as { status?: string };
  const isHealthy = response.status === 200 && status !== "unhealthy";
  return {
    name: "the app is healthy",
    problem: isHealthy ? undefined : `status ${response.status}, ${status ?? "no report"}`,
  };
}

async function checkHunt(
  { sleep }: CheckDeps,
  { url, key, hunt }: { readonly url: string; readonly key: string; readonly hunt: string },
): Promise<CheckResult> {
  const name = `the hunt ${hunt} succeeds`;
  const started = await sendRequest(`${url}/api/hunts/${encodeURIComponent(hunt)}/runs`, {
    method: "POST",
    headers: { "x-functions-key": key, "content-type": "application/json" },
    body: "{}",
  });
  const job = started.headers.get("location");
  if (started.status !== 202 || job === null)
    return { name, problem: `starting it returned ${started.status}` };
  for (let poll = 0; poll < maxPolls; poll += 1) {
    const response = await sendRequest(new URL(job, url).href);
    if (response.status !== 202) {
      const { status } = (await response.json()) as { status?: string };
      return { name, problem: status === "succeeded" ? undefined : `it ${status ?? "is unknown"}` };
    }
    await sleep(pollDelayMs);
  }
  return { name, problem: `it still runs after ${(maxPolls * pollDelayMs) / 60_000} minutes` };
}
