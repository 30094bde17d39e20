/** The console in a real browser, against the built app and the simulator. */
import { createHash } from "node:crypto";
import { QueueServiceClient } from "@azure/storage-queue";
import axe from "axe-core";
import { decodeJwt } from "jose";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startStack, type Stack } from "../support/stack.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import { listEnabledHunts, runHunt } from "../functions-host/demo.ts";
import { consolePages, findChromium, launchChromium, openPage } from "./browser.ts";

const hasChromium = findChromium() !== undefined;
if (!hasChromium)
  process.stderr.write(
    "Browser tests left out: install Chromium or set CHROMIUM_PATH, then run `npm test -- test/console`.\n",
  );

let stack: Stack;
let host: RunningHost;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const hunt = "signed-binary-proxies-execution";

beforeAll(async () => {
  if (!hasChromium) return;
  stack = await startStack();
  host = await stack.startHost();
  browser = await launchChromium();
  await Promise.all((await listEnabledHunts(host.url)).map((name) => runHunt(host.url, name)));
}, 150_000);

afterEach(async () => {
  if (hasChromium) await context.close();
});
afterAll(async () => {
  if (!hasChromium) return;
  await browser.close();
  await stack.stop();
});

async function openConsole(
  place: string,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<Page> {
  context = await browser.newContext(options);
  page = await context.newPage();
  page.setDefaultTimeout(40_000);
  await openPage(page, host.url, place);
  return page;
}

describe.skipIf(!hasChromium)("the console", () => {
  test("shows a newcomer the health, the hunts and the rows that they exported", async () => {
    await openConsole("overview");
    await page.getByText("No problems.").waitFor();
    expect(await page.getByLabel("Tenant").count()).toBe(0);
    await page.getByRole("link", { name: "Hunts" }).click();
    await page.getByRole("link", { name: "Signed Windows binary runs foreign code" }).click();
    await page.getByRole("table", { name: /^Rows of export/ }).waitFor();
    expect(await page.getByRole("columnheader", { name: "DeviceName" }).count()).toBe(1);
    expect(
      await page
        .getByRole("table", { name: /^Rows of export/ })
        .getByRole("row")
        .count(),
    ).toBeGreaterThan(1);
  });

  test("runs a hunt and reports its result", async () => {
    await openConsole(`hunts/${hunt}`);
    await page.locator("fluent-button", { hasText: "Run now" }).click();
    await page.getByText(/^Run finished: \d+ rows? in \d+ windows?\.$/).waitFor();
  });

  test("estimates the calls of a backfill before it starts", async () => {
    await openConsole(`hunts/${hunt}`);
    await page.getByText("Backfill a past time range").click();
    await page.getByLabel("From (UTC)").fill("2026-01-02T00:00");
    await page.getByLabel("To (UTC)").fill("2026-01-03T00:00");
    await page.getByText("Needs about 48 calls of the hunting quota.").waitFor();
  });

  test("covers ATT&CK techniques by tactic", async () => {
    await openConsole("hunts");
    await page.getByRole("button", { name: "ATT&CK" }).click();
    await page.getByText("T1218.011").first().waitFor();
  });

  // Two parts over the bulk path: usually 17 s, but a part that has to wait returns after a minute.
  test("follows a lookup of 1,600 hashes to its end", { timeout: 170_000, retry: 2 }, async () => {
    await openConsole("files");
    const known = stack.simulator.dataset.files[0];
    const hashes = Array.from({ length: 1_599 }, (_, index) =>
      createHash("sha1").update(String(index)).digest("hex"),
    );
    await page.getByRole("textbox").fill([known?.sha1, ...hashes].join("\n"));
    await page.getByLabel("With signer and publisher").uncheck();
    await page.getByRole("button", { name: "Look up" }).click();
    await page.getByText(/^1 file found, 1,599 not found/).waitFor({ timeout: 150_000 });
  });

  test("closes an alert after a dry run and a confirmation, and reopens it", async () => {
    const [id = ""] = stack.simulator.cloudApps.alerts.add(1);
    await openConsole("alerts");
    await page.getByLabel("Alert ids").fill(id);
    await page.getByRole("button", { name: "Dry run" }).click();
    await page.getByText("Dry run: 1 alert of 1 will be closed").waitFor();
    await page.getByRole("button", { name: "Close 1 alert (closeFalsePositive)" }).click();
    await page.getByRole("heading", { name: /^Verdict console-/ }).waitFor();
    await page.getByRole("cell", { name: "closed", exact: true }).waitFor();
    expect(stack.simulator.cloudApps.alerts.find(id)?.resolutionStatusValue).toBe(3);
    await page.getByRole("button", { name: "Undo this verdict" }).click();
    await page.getByRole("button", { name: "Reopen 1 alert" }).click();
    await page.getByText("1 alert reopened.").waitFor();
    await page.getByRole("link", { name: id }).click();
    await page.getByRole("cell", { name: "intent" }).first().waitFor();
  });

  test("replays a dead letter", async () => {
    const message = { version: 1, id: "broken", alertIds: [] };
    await QueueServiceClient.fromConnectionString(stack.storage)
      .getQueueClient("alert-verdicts")
      .sendMessage(Buffer.from(JSON.stringify(message)).toString("base64"));
    await openConsole("deliveries");
    // The page refreshes every 15 seconds.
    await page
      .getByRole("heading", { name: "alert-verdicts: schema" })
      .waitFor({ timeout: 60_000 });
    await page.getByText("Content (redacted)").click();
    await page.getByText('"id": "broken"').waitFor();
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByText(/is on its queue again\.$/).waitFor();
  });

  test("lists the newest of 250 exports first, and older ones on demand", async () => {
    context = await browser.newContext();
    page = await context.newPage();
    // The API lists exports from the oldest on, at most 100 at once.
    await page.route(`**/api/hunts/${hunt}/exports?*`, async (route) => {
      const query = new URL(route.request().url()).searchParams;
      const after = Number(/\.(-?\d+)$/.exec(query.get("after") ?? "")?.[1] ?? 249);
      const value = Array.from({ length: Math.min(100, 249 - after) }, (_, index) => ({
        seq: after + 1 + index,
        from: "2026-01-01T00:00:00.0000000Z",
        to: "2026-01-01T01:00:00.0000000Z",
        rows: 1,
        complete: "yes",
        blob: `export-${after + 1 + index}`,
        cursor: null,
      }));
      const last = after + value.length;
      const nextLink =
        last < 249 ? `${host.url}/api/hunts/${hunt}/exports?after=v1.${last}&top=100` : null;
      await route.fulfill({ json: { value, nextLink, cursor: `v1.${last}` } });
    });
    await openPage(page, host.url, `hunts/${hunt}`);
    const table = page.getByRole("region", { name: "Exports" });
    const firstCells = table.locator("tbody tr td:first-child");
    await expect.poll(() => firstCells.count()).toBe(100);
    expect(await firstCells.first().textContent()).toBe("249");
    await page.getByRole("button", { name: "Show more" }).click();
    await expect.poll(() => firstCells.count()).toBe(200);
    expect(await firstCells.last().textContent()).toBe("50");
    await page.getByRole("button", { name: "Show more" }).click();
    await expect.poll(() => firstCells.count()).toBe(250);
    expect(await page.getByRole("button", { name: "Show more" }).count()).toBe(0);
  });

  test("reports an outage and recovers from it", async () => {
    await openConsole("alerts");
    await context.setOffline(true);
    await page.getByRole("link", { name: "Deliveries" }).click();
    await page.getByText("The API is not reachable.").first().waitFor();
    await context.setOffline(false);
    await page.getByText("No deliveries within the last eight days.", { exact: false }).waitFor();
  });

  test("reports a job whose address has expired", async () => {
    await openConsole(`hunts/${hunt}`);
    await page.route("**/api/jobs/**", async (route) => {
      const url = new URL(route.request().url());
      url.searchParams.set("key", "expired");
      await route.continue({ url: url.href });
    });
    await page.locator("fluent-button", { hasText: "Run now" }).click();
    await page.getByText(/^The job URL is invalid or has expired/).waitFor();
  });
});

describe.skipIf(!hasChromium)("access to the console", () => {
  test("asks for a key, refuses a wrong one and opens with the right one", async () => {
    const closedHost = await stack.startHost({ enableAuth: true });
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(`${closedHost.url}/api/console`);
    await page.getByLabel("Host key").fill("wrong");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("The key is not valid.", { exact: false }).waitFor();
    await page.getByLabel("Host key").fill(closedHost.key ?? "");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    expect(page.url()).not.toContain(closedHost.key);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Host key").waitFor();
  });

  test("signs in with Entra ID by MSAL and sends the token with the key", async () => {
    const apiClientId = "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7061";
    const consoleClientId = "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7062";
    const entraHost = await stack.startHost({
      enableAuth: true,
      settings: { ENTRA_CLIENT_ID: apiClientId, CONSOLE_CLIENT_ID: consoleClientId },
    });
    stack.simulator.directory.singlePageApps.push({
      clientId: consoleClientId,
      redirectUris: [`${entraHost.url}/api/console`],
    });
    // The simulator's certificate was created at its start.
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    page = await context.newPage();
    const authorizations = new Set<string>();
    page.on("request", (request) => {
      const { authorization } = request.headers();
      if (request.url().startsWith(`${entraHost.url}/api/`) && authorization !== undefined)
        authorizations.add(authorization);
    });
    await page.goto(`${entraHost.url}/api/console#/hunts`);
    await page.getByRole("button", { name: "Sign in with Microsoft" }).click();
    await page.getByLabel("Host key").fill(entraHost.key ?? "");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("heading", { name: "Hunts" }).waitFor();
    await page.getByRole("link", { name: "Signed Windows binary runs foreign code" }).waitFor();
    const claims = [...authorizations].map((value) => decodeJwt(value.slice("Bearer ".length)));
    expect(claims.map(({ aud, azp, preferred_username: name }) => [aud, azp, name])).toEqual([
      [`api://${apiClientId}`, consoleClientId, "analyst@simulated.example"],
    ]);
    expect(page.url()).not.toMatch(/code=|token/);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in with Microsoft" }).waitFor();
  });

  test("runs no script that is not a file of the console", async () => {
    await openConsole("overview");
    const violation = page.evaluate(`new Promise((resolve) =>
      addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective)))`);
    await page.evaluate(`{
      const script = document.createElement("script");
      script.textContent = "globalThis.injected = true";
      document.body.append(script);
    }`);
    expect(await violation).toBe("script-src-elem");
    expect(await page.evaluate("globalThis.injected")).toBeUndefined();
  });

  test("refuses frames, referrers and names outside its folder", async () => {
    const reply = await fetch(`${host.url}/api/console`);
    expect(reply.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(reply.headers.get("referrer-policy")).toBe("no-referrer");
    expect(reply.headers.get("cache-control")).toBe("no-cache");
    for (const name of ["..%2fhost.json", "../../host.json", "host.json", "registrations.json"])
      expect((await fetch(`${host.url}/api/console/${name}`)).status, name).toBe(404);
  });
});

/** Cells of an attacker: markup, script, direction marks, digits beyond a double, 20 MB of text. */
const hostileCells: Readonly<Record<string, unknown>> = {
  Column0: '<img src=x onerror="globalThis.injected = true">',
  Column1: "<script>globalThis.injected = true</script>",
  Column2: "user\u202etxt.exe",
  Column3: "9007199254740993",
  Column4: "a".repeat(20_000_000),
};

describe.skipIf(!hasChromium)("hostile rows", () => {
  test("show as text in 300 columns and change nothing", async () => {
    const columns = Array.from({ length: 300 }, (_, index) => ({
      name: `Column${index}`,
      type: index === 3 ? "long" : "string",
    }));
    context = await browser.newContext();
    page = await context.newPage();
    await page.route(`**/api/hunts/${hunt}`, async (route) => {
      const detail = (await (await route.fetch()).json()) as object;
      await route.fulfill({ json: { ...detail, title: "<b>bold</b>", columns } });
    });
    const row = JSON.stringify(hostileCells).replace('"9007199254740993"', "9007199254740993");
    await page.route("**/rows?*", (route) =>
      route.fulfill({
        body: `{"value":[${row}],"nextLink":null}`,
        contentType: "application/json",
      }),
    );
    await openPage(page, host.url, `hunts/${hunt}`);
    await page.getByRole("heading", { name: "<b>bold</b>" }).waitFor();
    await page.getByRole("cell", { name: hostileCells["Column0"] as string }).waitFor();
    await page.getByRole("cell", { name: String.raw`user\u202etxt.exe` }).waitFor();
    await page.getByRole("cell", { name: "9007199254740993" }).waitFor();
    expect(await page.evaluate("globalThis.injected")).toBeUndefined();
    expect(await page.evaluate("document.querySelectorAll('main img, main script').length")).toBe(
      0,
    );
  });
});

describe.skipIf(!hasChromium)("accessibility", () => {
  test.each(["light", "dark"] as const)(
    "axe finds no violation on any page in the %s theme",
    async (colorScheme) => {
      await openConsole("overview", { colorScheme, reducedMotion: "reduce" });
      const found: string[] = [];
      for (const place of [...consolePages, `hunts/${hunt}`]) {
        await openPage(page, host.url, place);
        await page.evaluate(axe.source);
        const { violations } = (await page.evaluate("axe.run()")) as axe.AxeResults;
        found.push(...violations.map(({ id, nodes }) => `${place} ${id} ${nodes[0]?.html ?? ""}`));
      }
      expect(found).toEqual([]);
    },
  );

  test("fits into 390 pixels without scrolling sideways", async () => {
    await openConsole("overview", { viewport: { width: 390, height: 800 } });
    for (const place of [...consolePages, `hunts/${hunt}`]) {
      await openPage(page, host.url, place);
      expect(
        await page.evaluate("document.documentElement.scrollWidth"),
        place,
      ).toBeLessThanOrEqual(390);
    }
  });
});
