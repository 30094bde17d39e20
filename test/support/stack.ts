/** A whole Huntline for a journey: a tenant, an account on the run's Azurite, and hosts with the built bundle. */
import { runHost, type RunningHost, type RunOptions } from "../functions-host/run.ts";
import { startTenant, type Tenant, type TenantOptions } from "../simulator/simulator.ts";
import { freshAccount } from "./storage-account.ts";

export interface Living {
  readonly tenant: Tenant;
  readonly storage: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Starts one more instance of the app. */
  readonly host: (options?: RunOptions) => Promise<RunningHost>;
  /** Stops every host, then the tenant. */
  readonly end: () => Promise<void>;
}

export async function live(
  options: TenantOptions = {},
  more: Readonly<Record<string, string>> = {},
): Promise<Living> {
  const tenant = await startTenant(options);
  const storage = freshAccount();
  const settings = {
    ...tenant.settings,
    DataStorage: storage,
    AzureWebJobsStorage: storage,
    ...more,
  };
  const hosts: RunningHost[] = [];
  return {
    tenant,
    storage,
    settings,
    host: async (wanted = {}) => {
      const started = await runHost({ ...wanted, settings: { ...settings, ...wanted.settings } });
      hosts.push(started);
      return started;
    },
    end: async () => {
      await Promise.all(hosts.map((one) => one.kill()));
      await tenant.stop();
    },
  };
}

/** JSON of a reply. */
export const bodyOf = async <T>(reply: Response): Promise<T> => (await reply.json()) as T;

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
export async function until<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  patienceMs = 60_000,
): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > end) throw new Error(`still not: ${JSON.stringify(answer).slice(0, 2_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
