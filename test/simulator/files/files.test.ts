import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sendRequest, runHuntingQuery, fetchToken, type HttpResponse } from "../caller.ts";
import { parseBehaviors } from "../behaviors.ts";
import { startSimulator, type Simulator } from "../simulator.ts";

let simulator: Simulator;

beforeAll(async () => {
  const startMs = Date.now() - 3 * 86_400_000;
  simulator = await startSimulator({ dataset: { startMs, eventsPerHour: 60 } });
  // The first query loads Microsoft's parser, seconds on a busy machine.
  await runHuntingQuery(simulator, "DeviceEvents | take 1");
});
afterAll(() => simulator.stop());
beforeEach(() => {
  simulator.faults.clear();
  simulator.changeBehaviors(
    parseBehaviors({ files: { quota: { perMinute: null, perHour: null } } }),
  );
});

const getFile = async (path: string): Promise<HttpResponse> =>
  sendRequest(`${simulator.urls.defender}/api/files/${path}`, {
    headers: { authorization: `Bearer ${await fetchToken(simulator, "defender")}` },
  });
const getKnownFile = () => simulator.dataset.getFile("svchost.exe");
const unknownHash = "f".repeat(40);

describe("file statistics", () => {
  test("returns statistics with both twins, odd names and mixed precision", async () => {
    const { body, headers } = await getFile(`${getKnownFile().sha1}/stats`);
    expect(headers.get("content-type")).toBe(
      "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8",
    );
    expect(headers.get("odata-version")).toBe("4.0");
    expect(body).toMatchObject({
      "@odata.context":
        "https://api.security.microsoft.com/api/$metadata#microsoft.windowsDefenderATP.api.InOrgFileStats",
      sha1: getKnownFile().sha1,
      globallyPrevalence: Number(getKnownFile().globalPrevalence),
      globalPrevalence: String(getKnownFile().globalPrevalence),
      orgFirstSeen: expect.stringMatching(/T\d\d:\d\d:\d\dZ$/) as string,
      globalFirstObserved: expect.stringMatching(/\.\d{7}Z$/) as string,
      topFileNames: ["svchost.exe"],
    });
    expect(body["orgPrevalence"]).toBe(String(body["organizationPrevalence"]));
    expect(body["organizationPrevalence"]).toBeGreaterThan(0);
  });

  test.each([
    [
      "modern",
      ["organizationPrevalence", "globallyPrevalence"],
      ["orgPrevalence", "globalPrevalence"],
    ],
    [
      "legacy",
      ["orgPrevalence", "globalPrevalence"],
      ["organizationPrevalence", "globallyPrevalence"],
    ],
  ] as const)("returns statistics in the %s form with %j only", async (form, present, absent) => {
    simulator.changeBehaviors({ files: { body: form, extraKey: true } });
    const { body } = await getFile(`${getKnownFile().sha1}/stats`);
    expect(Object.keys(body)).toEqual(expect.arrayContaining([...present, "riskScore"]));
    expect(Object.keys(body).filter((key) => (absent as readonly string[]).includes(key))).toEqual(
      [],
    );
  });

  test.each([
    ["null", null],
    ["empty", ""],
  ] as const)("returns %s dates for a file that no device had", async (zeroDates, date) => {
    simulator.changeBehaviors({ files: { zeroDates } });
    simulator.files.put({ sha1: "e".repeat(40) });
    expect((await getFile(`${"e".repeat(40)}/stats`)).body).toMatchObject({
      organizationPrevalence: 0,
      orgFirstSeen: date,
      orgLastSeen: date,
    });
  });

  test("returns the statistics that a hunting query counts", async () => {
    for (const file of simulator.dataset.files.slice(0, 3)) {
      const query = `union DeviceFileEvents, DeviceProcessEvents, DeviceImageLoadEvents, DeviceEvents
        | where Timestamp >= ago(20h) | where SHA1 == "${file.sha1}"
        | summarize First = min(Timestamp), Last = max(Timestamp) by DeviceId
        | summarize Devices = count(), First = min(First), Last = max(Last)`;
      const [row] = (await runHuntingQuery(simulator, query)).body["results"] as Record<
        string,
        unknown
      >[];
      const { body } = await getFile(`${file.sha1}/stats?lookBackHours=20`);
      expect(body["organizationPrevalence"]).toBe(row?.["Devices"]);
      if (row?.["Devices"] === 0) continue;
      expect(String(row?.["First"]).slice(0, 19)).toBe(String(body["orgFirstSeen"]).slice(0, 19));
      expect(String(row?.["Last"]).slice(0, 19)).toBe(String(body["orgLastSeen"]).slice(0, 19));
    }
  });

  test("counts an added row, within the look-back only", async () => {
    const sha1 = "d".repeat(40);
    const nowMs = simulator.clock.now();
    const hoursAgo = (hours: number) => new Date(nowMs - hours * 3_600_000).toISOString();
    for (const [DeviceId, hours, FileName] of [
      ["a", 5, "x.exe"],
      ["a", 4, "y.exe"],
      ["b", 50, "x.exe"],
    ] as const) {
      simulator.dataset.addRow("DeviceFileEvents", {
        Timestamp: hoursAgo(hours),
        DeviceId,
        SHA1: sha1,
        FileName,
      });
    }
    expect((await getFile(`${sha1}/stats?lookBackHours=10`)).body).toMatchObject({
      organizationPrevalence: 1,
    });
    const { body } = await getFile(`${sha1}/stats`);
    expect(body).toMatchObject({
      organizationPrevalence: 2,
      topFileNames: ["x.exe", "y.exe"],
      globallyPrevalence: 0,
    });
    expect(body["orgFirstSeen"]).toBe(`${hoursAgo(50).slice(0, 19)}Z`);
  });

  test("counts a late row from its arrival on", async () => {
    const sha1 = "c".repeat(40);
    const Timestamp = new Date(simulator.clock.now() - 3 * 3_600_000).toISOString();
    simulator.dataset.addLateRow(
      "DeviceProcessEvents",
      { Timestamp, DeviceId: "a", SHA1: sha1 },
      4 * 3_600_000,
    );
    expect((await getFile(`${sha1}/stats`)).status).toBe(404);
    simulator.clock.shift(2 * 3_600_000);
    expect((await getFile(`${sha1}/stats`)).body).toMatchObject({ organizationPrevalence: 1 });
  });

  test("answers an unknown hash with 404, or with zeros if configured", async () => {
    const answer = await getFile(`${unknownHash}/stats`);
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({
      error: { code: "ResourceNotFound", message: `File ${unknownHash} was not found` },
    });
    simulator.changeBehaviors({ files: { unknown: "zeros" } });
    expect((await getFile(`${unknownHash}/stats`)).body).toMatchObject({
      organizationPrevalence: 0,
      globallyPrevalence: 0,
    });
  });

  test.each(["200", "400", "404"] as const)(
    "answers statistics by SHA-256 with %s as configured",
    async (sha256Statistics) => {
      simulator.changeBehaviors({ files: { sha256Statistics } });
      expect((await getFile(`${getKnownFile().sha256}/stats`)).status).toBe(
        Number(sha256Statistics),
      );
    },
  );

  test.each(["0", "721", "-1", "1.5", "x", ""])("refuses a look-back of %j", async (hours) => {
    const answer = await getFile(`${getKnownFile().sha1}/stats?lookBackHours=${hours}`);
    expect([answer.status, (answer.body as { error: { code: string } }).error.code]).toEqual([
      400,
      "InvalidInput",
    ]);
  });

  test("clamps a look-back if configured", async () => {
    simulator.changeBehaviors({ files: { lookBack: "clamp" } });
    expect((await getFile(`${getKnownFile().sha1}/stats?lookBackHours=9000`)).status).toBe(200);
  });
});

describe("file information", () => {
  test.each(["sha1", "sha256", "md5"] as const)(
    "finds file information by %s in any case",
    async (key) => {
      const { body } = await getFile(getKnownFile()[key].toUpperCase());
      expect(body).toMatchObject({
        sha1: getKnownFile().sha1,
        sha256: getKnownFile().sha256,
        globalPrevalence: Number(getKnownFile().globalPrevalence),
        size: Number(getKnownFile().size),
        signer: "Microsoft Corporation",
        isValidCertificate: true,
        determinationType: "Clean",
      });
    },
  );

  test("returns no signer for an unsigned file", async () => {
    const { body } = await getFile(simulator.dataset.getFile("svch0st.exe").sha1);
    expect(body).toMatchObject({
      signer: null,
      issuer: null,
      signerHash: null,
      isValidCertificate: null,
    });
  });

  test("answers 404 for an unknown or removed file", async () => {
    expect((await getFile(unknownHash)).status).toBe(404);
    const { sha1 } = simulator.dataset.getFile("tunnel.exe");
    simulator.files.remove(sha1);
    expect((await getFile(sha1)).status).toBe(404);
  });
});

describe("the file APIs", () => {
  test.each(["xyz", "g".repeat(40), "a".repeat(39)])("refuses %s as a hash", async (hash) => {
    for (const path of [hash, `${hash}/stats`]) {
      expect((await getFile(path)).body).toMatchObject({
        error: { code: "InvalidHashValue", message: `Hash value ${hash} is invalid` },
      });
    }
  });

  test("requires a token with File.Read.All", async () => {
    expect((await sendRequest(`${simulator.urls.defender}/api/files/${unknownHash}`)).status).toBe(
      401,
    );
    const roles = simulator.directory.identities[0]?.roles ?? {};
    roles.defender = ["AdvancedQuery.Read.All"];
    const answer = await getFile(unknownHash);
    roles.defender = ["AdvancedQuery.Read.All", "File.Read.All"];
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("API required roles: File.Read.All");
  });

  test("has a separate quota for file APIs", async () => {
    simulator.changeBehaviors({
      files: { quota: { perMinute: 2 } },
      hunting: { quota: { perMinute: 0 } },
    });
    simulator.clock.shift(60_000);
    const statuses = [];
    for (let call = 0; call < 3; call += 1) statuses.push((await getFile(unknownHash)).status);
    expect(statuses).toEqual([404, 404, 429]);
    expect((await getFile(unknownHash)).text).toContain("Maximum allowed 2 per 00:01:00");
  });
});
