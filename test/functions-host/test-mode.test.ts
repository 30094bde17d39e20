import { app } from "@azure/functions";
import { expect, test, vi } from "vitest";
import { fixtureRoot } from "./fixture.ts";

test("an app whose library was used before the host is refused, not served without its functions", async () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  app.http("lost", { methods: ["GET"], authLevel: "anonymous", handler: () => ({}) });
  const { loadApp } = await import("./load-app.ts");
  await expect(loadApp({ root: fixtureRoot, env: {}, entry: "entries/keys.ts" })).rejects.toThrow(
    "test mode",
  );
  expect(warned).toHaveBeenCalled();
});
