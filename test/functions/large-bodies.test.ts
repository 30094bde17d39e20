/** Bodies far above the limit: refused before they are buffered, on every endpoint. */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listHttpRoutes } from "../../shared/build/openapi/routes.ts";
import type { Registrations } from "../../shared/contracts/registrations.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import { startStack, type Stack } from "../support/stack.ts";

let stack: Stack;
let host: RunningHost;

beforeAll(async () => {
  stack = await startStack();
  host = await stack.startHost();
});
afterAll(() => stack.stop());

const chunk = Buffer.alloc(65_536, "a");
const bodyBytes = 104_857_600;
const postsAtOnce = 20;

/** Sends as much of 100 MiB as the host takes. Returns the status, or 0 for a closed connection. */
const postLargeBody = (path: string, isChunked: boolean): Promise<number> =>
  new Promise((resolve) => {
    const call = request(`${host.url}${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(isChunked ? {} : { "content-length": bodyBytes }),
      },
    });
    call.once("response", (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
      call.destroy();
    });
    call.once("error", () => resolve(0));
    let sentBytes = 0;
    const write = (): void => {
      while (sentBytes < bodyBytes && !call.destroyed) {
        sentBytes += chunk.length;
        if (!call.write(chunk)) return void call.once("drain", write);
      }
      call.end();
    };
    write();
  });

/** Highest resident memory of the process so far, MB. */
const readPeakMb = (pid: number): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;

const registrations = JSON.parse(readFileSync("dist/registrations.json", "utf8")) as Registrations;
const paths = listHttpRoutes(registrations)
  .filter(({ method }) => method === "post")
  .map(({ path }) => `/api${path.replaceAll(/\{\w+\}/g, "x")}`);

test.runIf(process.platform === "linux")(
  "20 posts of 100 MiB at once to any endpoint keep the host below 500 MB",
  { timeout: 120_000 },
  async () => {
    expect(paths.length).toBeGreaterThan(5);
    for (const path of paths)
      for (const isChunked of [false, true]) {
        const statuses = await Promise.all(
          Array.from({ length: postsAtOnce }, () => postLargeBody(path, isChunked)),
        );
        expect([path, ...new Set(statuses)].filter((each) => each !== 0)).toEqual([path, 413]);
      }
    expect(readPeakMb(host.pid)).toBeLessThan(500);
  },
);
