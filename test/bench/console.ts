/**
 * `npm run bench -- console`: first paint of the console, and the longest time without a row in
 * view while 10,000 rows scroll, in a Chromium of this machine.
 */
import type { Browser, Page } from "playwright-core";
import { findChromium, openPage } from "../console/browser.ts";
import { startConsole } from "../console/start-console.ts";
import { spreadOf, toCeilingResult, toSkippedResult, type Result } from "./harness.ts";

const rounds = 5;
const rowCount = 10_000;
const hunt = "office-starts-script-host";

export async function* measureConsole(): AsyncIterable<Result> {
  if (findChromium() === undefined) {
    yield toSkippedResult("first paint of the console", "needs Chromium, or CHROMIUM_PATH");
    return;
  }
  const { browser, host, stop } = await startConsole();
  try {
    const paints: number[] = [];
    for (let round = 0; round < rounds; round += 1)
      paints.push(await measureFirstPaint(browser, host.url));
    yield toCeilingResult("first paint of the console", spreadOf(paints), 1_000, "ms");
    const { blankMs, frameMs } = await measureScrolling(browser, host.url);
    const title = `while ${rowCount} rows scroll`;
    yield toCeilingResult(`longest time without a row ${title}`, spreadOf([blankMs]), 100, "ms");
    yield toCeilingResult(`longest frame ${title}`, spreadOf([frameMs]), undefined, "ms");
  } finally {
    await stop();
  }
}

/** Returns the time from navigation to the first content, with an empty cache, ms. */
async function measureFirstPaint(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await openPage(page, url, "overview");
    return await page.evaluate<number>(
      "performance.getEntriesByName('first-contentful-paint')[0].startTime",
    );
  } finally {
    await context.close();
  }
}

interface Scrolling {
  readonly blankMs: number;
  readonly frameMs: number;
}

async function measureScrolling(browser: Browser, url: string): Promise<Scrolling> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await serveRows(page);
    await openPage(page, url, `hunts/${hunt}`);
    await page.getByRole("table", { name: /^Rows of export/ }).waitFor();
    return await page.evaluate<Scrolling>(scrollThroughRows);
  } finally {
    await context.close();
  }
}

/** Answers with one export of 10,000 rows. */
async function serveRows(page: Page): Promise<void> {
  const bound = "2026-01-01T00:00:00.0000000Z";
  const listed = { seq: 0, from: bound, to: bound, rows: rowCount, complete: "yes" };
  const value = [{ ...listed, blob: "export-0", cursor: "v1.0" }];
  await page.route(`**/api/hunts/${hunt}/exports?*`, (route) =>
    route.fulfill({ json: { value, nextLink: null, cursor: "v1.0" } }),
  );
  await page.route("**/rows?*", (route) => {
    const skip = Number(new URL(route.request().url()).searchParams.get("skip"));
    const rows = Array.from({ length: 1_000 }, (_, index) => ({
      Timestamp: bound,
      DeviceName: `device-${skip + index}`,
      FileName: "powershell.exe",
    }));
    return route.fulfill({ json: { seq: 0, value: rows, nextLink: null } });
  });
}

/** Runs in the page: scrolls to the end within three seconds, one step a frame. */
const scrollThroughRows = `(async () => {
  const frame = document.querySelector(".rows");
  const nextFrame = () => new Promise(requestAnimationFrame);
  const isBlank = () => {
    const box = frame.getBoundingClientRect();
    const middle = box.top + box.height / 2;
    return ![...frame.querySelectorAll(".row:not(.row-head)")].some((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return top <= middle && middle <= bottom;
    });
  };
  const start = await nextFrame();
  let last = start, blankSince, blankMs = 0, frameMs = 0;
  for (let now = start; now - start < 3000; now = await nextFrame()) {
    frameMs = Math.max(frameMs, now - last);
    last = now;
    blankSince = isBlank() ? (blankSince ?? now) : undefined;
    if (blankSince !== undefined) blankMs = Math.max(blankMs, now - blankSince);
    frame.scrollTop = (frame.scrollHeight * (now - start)) / 3000;
  }
  return { blankMs, frameMs };
})()`;
