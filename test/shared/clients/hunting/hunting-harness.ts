/**
 * A hunting back-end on ports of object literals: what it is answered, what it asked, what it
 * reported, what it gave.
 */
import type { HuntingApiDeps } from "../../../../shared/clients/hunting/hunting-api.ts";
import type { HuntingOptions, HuntingPort, HuntingReply } from "../../../../shared/hunts/ports.ts";
import type { HuntColumn } from "../../../../shared/contracts/compiled-hunt.ts";
import type { ApiCall } from "../../../../shared/http-pipeline/api-client.ts";
import type { QuotaReport, PermitResult } from "../../../../shared/http-pipeline/quota/quota.ts";
import { createVirtualClock, type VirtualClock } from "../../../support/virtual-clock.ts";

/** An answer: a 2xx body, a refusal the client reads itself, or an error of the pipe. */
export type Script =
  | { readonly body: string | AsyncIterable<Uint8Array>; readonly afterMs?: number }
  | { readonly status: number; readonly json: unknown }
  | { readonly error: Error; readonly afterMs?: number };

export interface QueryRun {
  readonly reply: HuntingReply;
  readonly lines: readonly string[];
  readonly announced: readonly (readonly HuntColumn[])[];
  readonly calls: readonly ApiCall[];
  readonly expectedStatuses: readonly number[];
  readonly reports: readonly QuotaReport[];
}

async function* splitIntoChunks(text: string): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}

/** Asks once. The clock starts in January 2026. */
export async function runQuery(
  createPort: (deps: HuntingApiDeps) => HuntingPort,
  script: Script,
  options: Partial<HuntingOptions> = {},
  overrides: {
    readonly clock?: VirtualClock;
    readonly permit?: PermitResult;
    readonly onRows?: () => void;
  } = {},
): Promise<QueryRun> {
  const clock = overrides.clock ?? createVirtualClock();
  const calls: ApiCall[] = [];
  const reports: QuotaReport[] = [];
  const lines: string[] = [];
  const announced: (readonly HuntColumn[])[] = [];
  let expectedStatuses: readonly number[] = [];
  const port = createPort({
    clock,
    quota: {
      acquirePermit: async () =>
        overrides.permit ?? { kind: "permit", permit: { usableUntilMs: clock.now() + 1_000 } },
      report: async (outcome) => void reports.push(outcome),
    },
    client: {
      send: () => Promise.reject(new Error("hunting answers are streamed")),
      stream: async (call, statuses = []) => {
        calls.push(call);
        expectedStatuses = statuses;
        if ("afterMs" in script) await clock.advance(script.afterMs ?? 0);
        if ("error" in script) throw script.error;
        const common = { headers: new Headers(), requestId: "r1" };
        if ("status" in script) return { ...common, status: script.status, body: script.json };
        return {
          ...common,
          status: 200,
          body: typeof script.body === "string" ? splitIntoChunks(script.body) : script.body,
        };
      },
    },
  });
  const reply = await port.runQuery(
    "DeviceEvents",
    { deadlineMs: 230_000, maxWaitMs: 5_000, ...options },
    {
      columns: (columns) => announced.push(columns),
      writeRows: (batch) => {
        overrides.onRows?.();
        lines.push(...Buffer.from(batch).toString().split("\n").slice(0, -1));
      },
    },
  );
  return { reply, lines, announced, calls, expectedStatuses, reports };
}
