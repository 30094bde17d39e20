/**
 * Loaded into a host before the app: kills the process the hard way at the point that `KILL_AT` names, once. The app is
 * the built bundle as it is shipped; only what the global points do is replaced.
 */
const armed = process.env["KILL_AT"];

// The seam to the untyped global object, as `shared/pipe/points.ts` describes it.
const place = globalThis as unknown as Record<symbol, { reach: (name: string) => void }>;

place[Symbol.for("huntline.points")] = {
  reach: (name) => {
    if (name === armed) process.kill(process.pid, "SIGKILL");
  },
};
