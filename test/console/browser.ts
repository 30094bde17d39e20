/** Opens the console in a Chromium of this machine. */
import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";

const candidates = [
  process.env["CHROMIUM_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** Returns the path of a Chromium or Chrome; undefined without one. */
export const findChromium = (): string | undefined =>
  candidates.find((path) => path !== undefined && path !== "" && existsSync(path));

/** Starts the browser without a window. @throws Error without a Chromium */
export function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined)
    throw new Error("No Chromium found. Install it, or set CHROMIUM_PATH.");
  return chromium.launch({
    executablePath,
    // The sandbox needs rights that containers do not have.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** The pages of the console by their fragment. */
export const consolePages = ["overview", "hunts", "files", "alerts", "deliveries"] as const;

/** Goes to a page of the console and waits until it has loaded its data. */
export async function openPage(page: Page, url: string, place = "overview"): Promise<void> {
  await page.goto(`${url}/api/console#/${place}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByText("Loading…").first().waitFor({ state: "detached" });
}
