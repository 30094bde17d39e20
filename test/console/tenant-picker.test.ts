/** The choice of a tenant in a real browser. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runHunt } from "../functions-host/demo.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { findChromium, launchChromium, openPage } from "./browser.ts";

const hasChromium = findChromium() !== undefined;
const hunt = "signed-binary-proxies-execution";
let stack: Stack;
let host: RunningHost;
let browser: Browser;

beforeAll(async () => {
  if (!hasChromium) return;
  stack = await startStack({ tenants: [{ name: "contoso" }] });
  host = await stack.startHost();
  browser = await launchChromium();
  await runHunt(host.url, hunt);
}, 120_000);
afterAll(async () => {
  if (!hasChromium) return;
  await browser.close();
  await stack.stop();
});

describe.skipIf(!hasChromium)("the console with several tenants", () => {
  test("shows the hunts of the chosen tenant until the tab is closed", async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(40_000);
    const paths: string[] = [];
    page.on("request", (request) => paths.push(request.url().slice(host.url.length)));
    await openPage(page, host.url, `hunts/${hunt}`);
    await page.getByRole("table", { name: /^Rows of export/ }).waitFor();
    await page.getByLabel("Tenant").selectOption("contoso");
    await page.getByText("No exports with rows yet.").waitFor();
    expect(paths).toContain(`/api/hunts/${hunt}?tenant=contoso`);
    await page.locator("fluent-button", { hasText: "Run now" }).click();
    await page.getByText(/^Run finished: \d+ rows? in \d+ windows?\.$/).waitFor();
    expect(await page.getByLabel("Tenant").inputValue()).toBe("contoso");
    await page.close();
  }, 120_000);
});
