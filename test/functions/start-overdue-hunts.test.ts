import { afterAll, beforeAll, expect, test } from "vitest";
import { readJson, startStack, postJson, waitUntil, type Stack } from "../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ dataset: { eventsPerHour: 30 } });
});
afterAll(() => stack.stop());

const startOverdueHunts = async (url: string): Promise<string[]> => {
  const reply = await postJson(`${url}/api/hunts/tick`, {});
  expect(reply.status).toBe(200);
  return (await readJson<{ started: string[] }>(reply)).started;
};

const readStates = async (url: string): Promise<string[]> => {
  const { value } = await readJson<{ value: { enabled: boolean; state: string }[] }>(
    await fetch(`${url}/api/hunts`),
  );
  return value.filter(({ enabled }) => enabled).map(({ state }) => state);
};

test("without any timer the tick starts every hunt that is due, once, and none that is up to date", async () => {
  const { url } = await stack.startHost({ functions: ["start_overdue_hunts", "list_hunts"] });
  expect((await startOverdueHunts(url)).length).toBe(5);
  expect(await startOverdueHunts(url)).toEqual([]);
  await stack.startHost({ functions: ["process_hunt_runs"] });
  await waitUntil(
    () => readStates(url),
    (all) => all.every((state) => state === "ok"),
  );
  expect(await startOverdueHunts(url)).toEqual([]);
});
