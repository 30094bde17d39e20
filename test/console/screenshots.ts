/**
 * `npm run screenshots [folder]`: takes pictures of each page of the console with simulator data,
 * and the picture of the README.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { closeAlert, listEnabledHunts, runHunt } from "../functions-host/demo.ts";
import { consolePages, openPage } from "./browser.ts";
import { startConsole } from "./start-console.ts";

const folder = process.argv[2] ?? "screenshots";
mkdirSync(folder, { recursive: true });
const { browser, host, simulator, stop } = await startConsole();
try {
  const hunts = await listEnabledHunts(host.url);
  await Promise.all(hunts.map((name) => runHunt(host.url, name)));
  await closeAlert(host.url, simulator.cloudApps.alerts.list()[0]?._id ?? "");
  const places = [...consolePages, `hunts/${hunts[0] ?? ""}`];
  for (const colorScheme of ["light", "dark"] as const)
    for (const [kind, width] of [
      ["wide", 1_280],
      ["narrow", 390],
    ] as const) {
      const context = await browser.newContext({
        colorScheme,
        viewport: { width, height: 900 },
      });
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() === "error") process.stderr.write(`${message.text()}\n`);
      });
      page.on("pageerror", (error) => process.stderr.write(`${String(error)}\n`));
      for (const place of places) {
        await openPage(page, host.url, place);
        await pause(300);
        const name = `${place.replace("/", "-")}-${kind}-${colorScheme}.png`;
        await page.screenshot({ path: join(folder, name), fullPage: true });
        process.stdout.write(`${join(folder, name)}\n`);
      }
      if (colorScheme === "light" && kind === "wide") {
        await openPage(page, host.url, "hunts");
        const clip = { x: 0, y: 0, width, height: 600 };
        await page.screenshot({ path: "shared/console/hunts.png", clip });
      }
      await context.close();
    }
} finally {
  await stop();
}
