import { afterAll, beforeAll, expect, test } from "vitest";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";

let here: Living;
beforeAll(async () => {
  here = await live({ world: { eventsPerHour: 30 } });
});
afterAll(() => here.end());

const tick = async (url: string): Promise<string[]> => {
  const reply = await postJson(`${url}/api/hunts/tick`, {});
  expect(reply.status).toBe(200);
  return (await bodyOf<{ started: string[] }>(reply)).started;
};

const states = async (url: string): Promise<string[]> => {
  const { hunts } = await bodyOf<{ hunts: { enabled: boolean; state: string }[] }>(
    await fetch(`${url}/api/hunts`),
  );
  return hunts.filter(({ enabled }) => enabled).map(({ state }) => state);
};

test("without any timer the tick starts every hunt that is due, once, and none that is up to date", async () => {
  const { url } = await here.host({ functions: ["tick_hunts", "list_hunts"] });
  expect((await tick(url)).length).toBe(5);
  expect(await tick(url)).toEqual([]);
  await here.host({ functions: ["run_hunt"] });
  await until(
    () => states(url),
    (all) => all.every((state) => state === "ok"),
  );
  expect(await tick(url)).toEqual([]);
});
