/** Timer triggers. */
import type { Calls } from "./calls.ts";
import type { Door } from "./indexing.ts";
import type { Log } from "./lines.ts";
import type { Listener } from "./queues.ts";
import type { Env } from "./substitute.ts";

export interface TimerOptions {
  readonly doors: readonly Door[];
  readonly calls: Calls;
  readonly log: Log;
  readonly env: Env;
  readonly hostId: string;
  readonly leaseSeconds?: number;
}

export function startTimers(_options: TimerOptions): Promise<Listener[]> {
  return Promise.resolve([]);
}
