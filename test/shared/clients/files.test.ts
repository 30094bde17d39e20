import { describe, expect, test } from "vitest";
import { createFilesClient } from "../../../shared/clients/files.ts";
import type { ApiResponse, ApiCall } from "../../../shared/http-pipeline/api-client.ts";
import type { PermitResult } from "../../../shared/http-pipeline/quota/quota.ts";
import {
  UpstreamError,
  type UpstreamErrorCode,
} from "../../../shared/http-pipeline/upstream-error.ts";

const sha1 = "0991a395da64e1c5fbe8732ed11e6be064081d9f";
const limits = { maxWaitMs: 1_000, deadlineMs: 2_000 };

const acquirePermit = async (): Promise<PermitResult> => ({
  kind: "permit",
  permit: { usableUntilMs: 5 },
});

const respondWith = (status: number, body: unknown) => {
  const calls: ApiCall[] = [];
  const recordCall = (call: ApiCall): Promise<ApiResponse> => {
    calls.push(call);
    return Promise.resolve({ status, headers: new Headers(), body, requestId: undefined });
  };
  return {
    calls,
    files: createFilesClient({ send: recordCall, stream: recordCall }, { acquirePermit }),
  };
};
const failWith = (error: Error) => {
  const rejectCall = async (): Promise<ApiResponse> => {
    throw error;
  };
  return createFilesClient({ send: rejectCall, stream: rejectCall }, { acquirePermit });
};
const readStatistics = (body: unknown, status = 200) =>
  respondWith(status, body).files.statistics(sha1, 720, limits);

const validBody = {
  "@odata.context": "x",
  sha1,
  organizationPrevalence: 14_850,
  orgFirstSeen: "2019-12-07T13:44:16Z",
  orgLastSeen: "2020-01-06T13:39:36Z",
  globallyPrevalence: 705_012,
  globalFirstObserved: "2015-03-19T12:20:07.3432441Z",
  globalLastObserved: "2020-01-06T13:39:36Z",
  topFileNames: ["MREC.exe"],
};
const expectedStatistics = {
  organizationPrevalence: 14_850,
  organizationFirstSeen: "2019-12-07T13:44:16Z",
  organizationLastSeen: "2020-01-06T13:39:36Z",
  globalPrevalence: 705_012,
  globalFirstSeen: "2015-03-19T12:20:07.3432441Z",
  globalLastSeen: "2020-01-06T13:39:36Z",
  topFileNames: ["MREC.exe"],
};

describe("statistics", () => {
  test("requests statistics by path and look-back, within the caller's limits", async () => {
    const { calls, files } = respondWith(200, validBody);
    await files.statistics(sha1, 24, limits);
    expect(calls).toEqual([
      {
        method: "GET",
        path: `/api/files/${sha1}/stats`,
        query: { lookBackHours: "24" },
        ...limits,
      },
    ]);
  });

  test.each<[string, object, object]>([
    ["as documented", {}, {}],
    ["with text beside numbers", { orgPrevalence: "1", globalPrevalence: "2" }, {}],
    [
      "with text only",
      {
        organizationPrevalence: undefined,
        orgPrevalence: "14850",
        globallyPrevalence: undefined,
        globalPrevalence: "705012",
      },
      {},
    ],
    ["with the other spelling", { globallyPrevalence: undefined, globalPrevalence: 705_012 }, {}],
    [
      "with nulls, which are not 0",
      { organizationPrevalence: null, orgFirstSeen: null },
      { organizationPrevalence: null, organizationFirstSeen: null },
    ],
    [
      "with empty text, which is not 0",
      { globallyPrevalence: "", orgLastSeen: "" },
      { globalPrevalence: null, organizationLastSeen: null },
    ],
    ["with 0, which is not null", { organizationPrevalence: 0 }, { organizationPrevalence: 0 }],
    [
      "with a negative number, which is none",
      { organizationPrevalence: -1 },
      { organizationPrevalence: null },
    ],
    ["without names", { topFileNames: null }, { topFileNames: [] }],
    ["with a key nobody knows", { riskScore: 5 }, {}],
  ])("reads statistics %s", async (_, change, expected) => {
    expect(await readStatistics({ ...validBody, ...change })).toEqual({
      kind: "found",
      value: { ...expectedStatistics, ...expected },
    });
  });

  test.each<[string, number, unknown]>([
    [
      "404 in the API's own form",
      404,
      { error: { code: "ResourceNotFound", message: "File x was not found" } },
    ],
    ["200 with nothing in it", 200, { "@odata.context": "x" }],
    ["200 with an empty set", 200, { value: [] }],
  ])("reports an unknown file as not found: %s", async (_, status, body) => {
    expect(await readStatistics(body, status)).toEqual({ kind: "notFound" });
  });

  test.each<[string, number, unknown]>([
    ["HTML", 404, "<html>Not Found</html>"],
    ["another form", 404, { statusCode: 404, message: "Resource not found" }],
    ["nothing", 404, undefined],
  ])("reports a wrong address as a refusal: 404 with %s", async (_, status, body) => {
    expect(await readStatistics(body, status)).toMatchObject({
      kind: "refused",
      problem: expect.stringContaining("DEFENDER_URL") as string,
    });
  });

  test("treats statistics of another shape as an outage", async () => {
    expect(await readStatistics({ machines: 5 })).toMatchObject({ kind: "down" });
    expect(await readStatistics("<html>")).toMatchObject({ kind: "down" });
  });

  test("reports a hash that Defender refuses as a refusal", async () => {
    const body = { error: { code: "InvalidHashValue", message: "Hash value x is invalid" } };
    expect(await readStatistics(body, 400)).toMatchObject({ kind: "refused" });
  });

  test.each<[UpstreamErrorCode, string, number | undefined]>([
    ["throttled", "later", 7_000],
    ["unavailable", "down", 7_000],
    ["unexpectedResponse", "down", 7_000],
    ["forbidden", "refused", undefined],
    ["unauthorized", "refused", undefined],
    ["notFound", "refused", undefined],
    ["rejected", "refused", undefined],
  ])("maps the error '%s' to '%s'", async (code, kind, retryAfterMs) => {
    const reply = await failWith(
      new UpstreamError(code, "x", { api: "files", retryAfterMs: 7_000 }),
    ).statistics(sha1, 1, limits);
    expect(reply).toMatchObject({ kind, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  });

  test("throws an error of the program unchanged", async () => {
    await expect(failWith(new TypeError("x")).statistics(sha1, 1, limits)).rejects.toThrow(
      TypeError,
    );
  });

  test.each([
    "../machines",
    "%2e%2e/machines",
    `${sha1}?x=1`,
    sha1.toUpperCase(),
    `${sha1}0`,
    "１".repeat(40),
    "",
  ])("never requests statistics of %j", async (hash) => {
    const { calls, files } = respondWith(200, validBody);
    await expect((async () => files.statistics(hash, 1, limits))()).rejects.toThrow(RangeError);
    await expect((async () => files.information(hash, limits))()).rejects.toThrow(RangeError);
    expect(calls).toEqual([]);
  });
});

describe("information", () => {
  const body = {
    sha1: sha1.toUpperCase(),
    sha256: "A".repeat(64),
    globalPrevalence: 180_022,
    size: 22_139_496,
    fileType: "APP",
    isPeFile: true,
    filePublisher: "CHENGDU YIWO",
    fileProductName: "EaseUS",
    signer: null,
    issuer: "",
    signerHash: null,
    isValidCertificate: null,
    determinationType: "Unknown",
    determinationValue: null,
  };

  test("reads file information, with unknown members as null", async () => {
    const { calls, files } = respondWith(200, body);
    expect(await files.information(sha1, limits)).toEqual({
      kind: "found",
      value: {
        sha1,
        information: {
          sha256: "a".repeat(64),
          size: 22_139_496,
          fileType: "APP",
          isPeFile: true,
          publisher: "CHENGDU YIWO",
          productName: "EaseUS",
          signer: null,
          issuer: null,
          signerHash: null,
          isValidCertificate: null,
          determinationType: "Unknown",
          determinationValue: null,
        },
      },
    });
    expect(calls[0]?.path).toBe(`/api/files/${sha1}`);
  });

  test("returns a null SHA-1 when the service sends none", async () => {
    const reply = await respondWith(200, { ...body, sha1: null }).files.information(
      "a".repeat(64),
      limits,
    );
    expect(reply).toMatchObject({ kind: "found", value: { sha1: null } });
  });
});

describe("a turn", () => {
  const rejectCall = async (): Promise<ApiResponse> => {
    throw new Error("not to be sent");
  };

  test("passes on a permit of the quota", async () => {
    expect(
      await createFilesClient(
        { send: rejectCall, stream: rejectCall },
        { acquirePermit },
      ).acquirePermit(1),
    ).toEqual({
      kind: "permit",
      permit: { usableUntilMs: 5 },
    });
  });

  test.each([
    ["quota", "later"],
    ["paused", "later"],
    ["breaker", "down"],
    ["store", "later"],
  ] as const)("that is not there for '%s' is '%s'", async (reason, kind) => {
    const emptyQuota = {
      acquirePermit: async (): Promise<PermitResult> => ({
        kind: "later",
        retryAfterMs: 9,
        reason,
      }),
    };
    expect(
      await createFilesClient({ send: rejectCall, stream: rejectCall }, emptyQuota).acquirePermit(
        1,
      ),
    ).toEqual({
      kind,
      retryAfterMs: 9,
    });
    const error = new UpstreamError("throttled", "x", {
      api: "files",
      retryAfterMs: 9,
      upstreamCode: `no-permit-${reason}`,
    });
    expect(await failWith(error).statistics(sha1, 1, limits)).toEqual({ kind, retryAfterMs: 9 });
  });
});
