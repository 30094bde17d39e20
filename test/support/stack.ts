/**
 * A whole Huntline for a journey: a tenant, an account on the run's Azurite, and hosts with the
 * built bundle.
 */
import { runHost, type RunningHost, type RunOptions } from "../functions-host/run-host.ts";
import { startSimulator, type Simulator, type SimulatorOptions } from "../simulator/simulator.ts";
import { claimFreshAccount } from "./storage-account.ts";

export interface Stack {
  readonly simulator: Simulator;
  readonly storage: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Starts one more instance of the app. */
  readonly startHost: (options?: RunOptions) => Promise<RunningHost>;
  /** Stops every host, then the tenant. */
  readonly stop: () => Promise<void>;
}

export async function startStack(
  options: SimulatorOptions = {},
  extraSettings: Readonly<Record<string, string>> = {},
): Promise<Stack> {
  const simulator = await startSimulator(options);
  const storage = claimFreshAccount();
  const settings = {
    ...simulator.settings,
    DataStorage: storage,
    AzureWebJobsStorage: storage,
    ...extraSettings,
  };
  const hosts: RunningHost[] = [];
  return {
    simulator,
    storage,
    settings,
    startHost: async (hostOptions = {}) => {
      const host = await runHost({
        ...hostOptions,
        settings: { ...settings, ...hostOptions.settings },
      });
      hosts.push(host);
      return host;
    },
    stop: async () => {
      await Promise.all(hosts.map((one) => one.kill()));
      await simulator.stop();
    },
  };
}

/** JSON of a reply. */
/** The result of the operation that a reply carries. */
export const readResult = async <T>(reply: Response): Promise<T> =>
  (await readJson<{ result: T }>(reply)).result;

export const readJson = async <T>(reply: Response): Promise<T> => (await reply.json()) as T;

export const postJson = (
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

/** Asks until the answer is the wanted one; throws with the last answer when patience ends. */
export async function waitUntil<T>(
  read: () => Promise<T>,
  isExpected: (answer: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    const answer = await read();
    if (isExpected(answer)) return answer;
    if (Date.now() > deadlineMs)
      throw new Error(`still not: ${JSON.stringify(answer).slice(0, 2_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
