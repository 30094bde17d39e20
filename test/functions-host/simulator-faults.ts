/** Faults that `npm start -- --simulator-fault` demonstrates. */
import type { Simulator } from "../simulator/simulator.ts";

export const simulatorFaults = ["throttled", "outage", "forbidden"] as const;

/** How many calls fail, so that a person sees the fault and the recovery. */
const faultyCalls = 20;

/** Makes the next hunting calls fail. Returns what to watch. */
export function addSimulatorFault({ faults }: Simulator, kind: string): string {
  if (kind === "throttled")
    faults.add({ kind: "throttled", api: "hunting", count: faultyCalls, retryAfterS: 10 });
  else if (kind === "outage")
    faults.add({ kind: "failed", api: "hunting", count: faultyCalls, status: 503 });
  else faults.add({ kind: "forbidden", api: "hunting", count: faultyCalls });
  return (
    `The next ${faultyCalls} hunting calls of the simulated cloud fail (${kind}). Run a hunt and` +
    " watch GET /api/health/report."
  );
}
