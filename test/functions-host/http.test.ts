import { request } from "node:http";
import { mkdtempSync, cpSync, readFileSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { claimFreshAccount } from "../support/storage-account.ts";
import type { AdminHandler } from "./admin.ts";
import { waitFor, fixtureRoot, createFixtureSettings } from "./fixture.ts";
import { startHost, type Host } from "./host.ts";
import { toEmptyReply, createHttpServer } from "./http.ts";
import type { LogLine } from "./log.ts";
import { createPrincipalHeaders } from "./principal.ts";

interface Echo {
  readonly url: string;
  readonly query: Record<string, string>;
  readonly params: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly user: string | null;
  readonly trace: string;
  readonly metadata: unknown;
  readonly invocationId: string;
}

const lines: LogLine[] = [];
let host: Host;
beforeAll(async () => {
  host = await startHost({
    root: fixtureRoot,
    env: {
      ...createFixtureSettings(claimFreshAccount()),
      FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: "100000",
      "AzureWebJobs.sleeping.Disabled": "true",
    },
    log: (line) => lines.push(line),
  });
});
afterAll(() => host.stop());

const fetchEcho = async (path: string, init?: RequestInit): Promise<Echo> =>
  (await (await fetch(`${host.url}${path}`, init)).json()) as Echo;
const fetchStatus = async (path: string, init?: RequestInit): Promise<number> =>
  (await fetch(`${host.url}${path}`, init)).status;

/** A request as `fetch` cannot make it: a chunked body, a header twice. */
function sendRawPost(
  path: string,
  headers: [string, string][],
  chunks: string[],
  root = host.url,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      `${root}${path}`,
      { method: "POST", headers: ["host", new URL(root).host, ...headers.flat()] },
      (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        reply.on("end", () => resolve({ status: reply.statusCode ?? 0, text }));
      },
    );
    call.on("error", reject);
    for (const chunk of chunks) call.write(chunk);
    call.end();
  });
}

describe("a request", () => {
  test("keeps a request's URL, collapses its query and lowers its header names", async () => {
    const received = await fetchEcho("/api/echo?x=1&y=a%20b&X=2", {
      headers: { "X-Odd-Case": "Yes" },
    });
    expect(received.url).toBe(`${host.url}/api/echo?x=1&y=a%20b&X=2`);
    expect(received.query).toEqual({ x: "1,2", y: "a b" });
    expect(received.headers["x-odd-case"]).toBe("Yes");
    expect([received.params, received.metadata]).toEqual([{}, null]);
  });

  test("passes a body with a stated length", async () => {
    expect((await fetchEcho("/api/echo/7", { method: "POST", body: "hällo" })).body).toBe("hällo");
  });

  test("drops a chunked body, as the platform does", async () => {
    const { text } = await sendRawPost(
      "/api/echo",
      [["transfer-encoding", "chunked"]],
      ["some ", "body"],
    );
    expect((JSON.parse(text) as Echo).body).toBe("");
  });

  test("joins a repeated header", async () => {
    const twice: [string, string][] = [
      ["content-length", "0"],
      ["x-twice", "one"],
      ["x-twice", "two"],
    ];
    const { text } = await sendRawPost("/api/echo", twice, []);
    expect((JSON.parse(text) as Echo).headers["x-twice"]).toBe("one,two");
  });

  test("removes forged sign-in headers from a request", async () => {
    const received = await fetchEcho("/api/echo", {
      headers: {
        "X-MS-CLIENT-PRINCIPAL-NAME": "root",
        "x-ms-client-principal": "e30=",
        "X-Ms-Token-Aad-Id-Token": "t",
      },
    });
    expect(received.user).toBeNull();
    expect(Object.keys(received.headers).filter((name) => name.startsWith("x-ms-"))).toEqual([]);
  });

  test("keeps a request's trace context or creates one", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    expect((await fetchEcho("/api/echo", { headers: { traceparent } })).trace).toBe(traceparent);
    expect((await fetchEcho("/api/echo")).trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  test("gives each request its own invocation id", async () => {
    const ids = await Promise.all(
      ["/api/echo", "/api/echo"].map(async (path) => (await fetchEcho(path)).invocationId),
    );
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  test.each([
    ["/api/nothing", "GET", 404],
    ["/api/echo", "PUT", 404],
    ["/api/echo", "OPTIONS", 404],
    ["/api/echo/seven", "GET", 404],
    ["/echo", "GET", 404],
    ["/API/Echo/7", "GET", 200],
    ["/api/files/0123456789abcdef0123456789ABCDEF01234567/stats", "GET", 200],
    ["/api/files/0123/stats", "GET", 404],
    ["/api/sleeping", "GET", 404],
    ["/", "GET", 200],
  ])("a request to %s by %s returns %i", async (path, method, expected) => {
    expect(await fetchStatus(path, { method })).toBe(expected);
  });

  test("returns 413 for a body over the limit, by stated or received length", async () => {
    expect(await fetchStatus("/api/echo", { method: "POST", body: "x".repeat(100_001) })).toBe(413);
    const chunked = sendRawPost(
      "/api/echo",
      [["transfer-encoding", "chunked"]],
      ["x".repeat(100_001)],
    );
    expect((await chunked).status).toBe(413);
  });
});

describe("a reply", () => {
  test("a reply carries status, headers and cookies", async () => {
    const reply = await fetch(`${host.url}/api/echo`);
    expect(reply.headers.get("x-first")).toBe("one");
    expect(reply.headers.get("content-type")).toBe("application/json");
    expect(reply.headers.getSetCookie()).toEqual(["crumb=a%20b; path=/; samesite=lax; httponly"]);
  });

  test("a reply to HEAD has no body", async () => {
    const reply = await fetch(`${host.url}/api/echo`, { method: "HEAD" });
    expect([reply.headers.get("x-method"), await reply.text()]).toEqual(["HEAD", ""]);
    expect(Number(reply.headers.get("content-length"))).toBeGreaterThan(0);
  });

  test.each([
    ["nothing", 204],
    ["204", 204],
    ["throw-undefined", 204],
    ["throw", 500],
    ["status-99", 500],
    ["text", 500],
  ])("a reply to %s is %i with an empty body", async (outcome, expected) => {
    const reply = await fetch(`${host.url}/api/outcome/${outcome}`, { method: "POST" });
    expect([reply.status, await reply.text()]).toEqual([expected, ""]);
  });

  test("a 500 shows the error only in the log", async () => {
    lines.length = 0;
    await fetchStatus("/api/outcome/throw", { method: "POST" });
    const failure = lines.find(({ level }) => level === "error");
    expect(failure?.category).toBe("Function.outcome");
    expect(failure?.message).toMatch(/Executed 'Functions\.outcome' \(Failed, Id=.*\n.*as asked/);
  });
});

describe("by request of a developer", () => {
  let url: string;
  beforeAll(async () => {
    const refuseAdmin: AdminHandler = () => toEmptyReply(404);
    const principal = createPrincipalHeaders("ada@example.com");
    const server = createHttpServer({
      ...host,
      functions: host.app.functions,
      admin: refuseAdmin,
      principal,
      chunkedBodies: "read",
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return () => void server.close();
  });

  test("signs in the configured user whatever headers the caller sends", async () => {
    const headers = { "x-ms-client-principal-name": "root" };
    const received = (await (await fetch(`${url}/api/echo`, { headers })).json()) as Echo;
    expect(received.user).toBe("ada@example.com");
  });

  test("passes a chunked body when the option allows it", async () => {
    const { text } = await sendRawPost(
      "/api/echo",
      [["transfer-encoding", "chunked"]],
      ["some ", "body"],
      url,
    );
    expect((JSON.parse(text) as Echo).body).toBe("some body");
  });
});

describe("the admin addresses", () => {
  const fireFunction = (name: string, body: string): Promise<number> =>
    fetchStatus(`/admin/functions/${name}`, { method: "POST", body });

  test.each([
    ["tick", '{"input":""}', 202],
    ["TICK", "{}", 202],
    ["nobody", "{}", 404],
    ["tick", "", 400],
    ["tick", "[]", 400],
    ["tick", '{"input":7}', 400],
  ])("starts %s with %j and returns %i", async (name, body, expected) => {
    expect(await fireFunction(name, body)).toBe(expected);
  });

  test("starts a trigger of any kind with the given text", async () => {
    lines.length = 0;
    expect(await fireFunction("listen", JSON.stringify({ input: '{"fail":1}' }))).toBe(202);
    const failure = await waitFor("the failure", () =>
      lines.find(({ level }) => level === "error"),
    );
    expect(failure.message).toContain("as asked");
    expect(failure.category).toBe("Function.listen");
  });

  test("the admin address lists the functions and marks disabled ones", async () => {
    const all = (await (await fetch(`${host.url}/admin/functions`)).json()) as Record<
      string,
      unknown
    >[];
    expect(all.map(({ name }) => name)).toEqual(host.app.functions.map(({ name }) => name));
    expect(all[0]).toMatchObject({
      invoke_url_template: `${host.url}/api/echo/{id:int?}`,
      isDisabled: false,
    });
    const one = await fetch(`${host.url}/admin/functions/sleeping/status`);
    expect(await one.json()).toEqual({ isDisabled: true });
  });

  test("the admin address returns the state of the host", async () => {
    expect(await fetchStatus("/admin/host/ping", { method: "POST" })).toBe(200);
    expect(await (await fetch(`${host.url}/admin/host/status`)).json()).toMatchObject({
      state: "Running",
      id: expect.any(String) as string,
      errors: [expect.stringContaining("orphan") as string],
    });
  });
});

describe("keys, when asked for", () => {
  let lockedHost: Host;
  let root: string;
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "huntline-host-"));
    cpSync(join(fixtureRoot, "host.json"), join(root, "host.json"));
    const entry = join(fixtureRoot, "entries/keys.ts");
    lockedHost = await startHost({
      root,
      entry,
      enableAuth: true,
      env: { "AzureWebJobs.off.Disabled": "1", AzureWebJobsDisableHomepage: "true" },
    });
  });
  afterAll(() => lockedHost.stop());

  const findKey = (name: string): string => {
    const keys = lockedHost.keys;
    if (!keys) throw new Error("no keys");
    return (
      {
        master: keys.master,
        host: keys.host,
        own: keys.functions["open"],
        other: keys.functions["inner"],
      }[name] ?? name
    );
  };

  test.each([
    ["open", "none", 401],
    ["open", "wrong", 401],
    ["open", "host", 200],
    ["open", "own", 200],
    ["open", "other", 401],
    ["open", "master", 200],
    ["inner", "host", 401],
    ["inner", "master", 200],
    ["anyone", "none", 200],
    ["off", "host", 404],
    ["off", "master", 200],
  ])("%s with the key %s returns %i", async (name, key, expected) => {
    const headers: Record<string, string> =
      key === "none" ? {} : { "x-functions-key": findKey(key) };
    const reply = await fetch(`${lockedHost.url}/api/${name}`, { headers });
    expect(reply.status).toBe(expected);
    if (expected !== 200) expect(await reply.text()).toBe("");
  });

  test("reads a key from the query, but the header has precedence", async () => {
    const url = `${lockedHost.url}/api/open?code=${findKey("host")}`;
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url, { headers: { "x-functions-key": "wrong" } })).status).toBe(401);
  });

  test("requires a key for every admin address except the ping", async () => {
    const fetchWithKey = async (path: string, key?: string): Promise<number> =>
      (
        await fetch(`${lockedHost.url}${path}`, {
          headers: key === undefined ? {} : { "x-functions-key": key },
        })
      ).status;
    expect(await fetchWithKey("/admin/host/ping")).toBe(200);
    expect(await fetchWithKey("/admin/host/status")).toBe(401);
    expect(await fetchWithKey("/admin/host/status", findKey("host"))).toBe(401);
    expect(await fetchWithKey("/admin/host/status", findKey("master"))).toBe(200);
  });

  test("requires no key for the home page, which a setting empties", async () => {
    expect((await fetch(lockedHost.url)).status).toBe(204);
  });

  test("keeps the keys between runs in a file that only its owner can read", async () => {
    const file = join(root, ".huntline/keys.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(lockedHost.keys);
    const { loadKeys } = await import("./keys.ts");
    expect(loadKeys(file, ["open"]).functions["open"]).toBe(lockedHost.keys?.functions["open"]);
  });
});
