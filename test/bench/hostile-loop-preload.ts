/**
 * Loaded into the host before the app: reports the longest time for which the event loop was
 * blocked since the last report, on each SIGUSR2.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 1;
const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
histogram.enable();
process.on("SIGUSR2", () => {
  const longestMs = Math.max(0, histogram.max / 1e6 - resolutionMs);
  // The host takes what the app writes with `console` as a log line.
  process.stdout.write(`longest block ${longestMs.toFixed(1)} ms\n`);
  histogram.reset();
});
