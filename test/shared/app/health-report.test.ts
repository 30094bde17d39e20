import { describe, expect, test } from "vitest";
import { judge, type HealthReport } from "../../../shared/app/health-report.ts";

type Parts = Omit<HealthReport, "status" | "problems">;

const sound: Parts = {
  hunts: [
    {
      name: "a-hunt",
      state: "ok",
      reason: undefined,
      watermark: "2026-01-05T06:00:00Z",
      watermarkAgeSeconds: 60,
      version: 1,
      head: undefined,
    },
  ],
  quotas: [{ api: "hunting", pausedUntil: undefined, breakerOpenUntil: undefined }],
  deadLetters: 0,
  secretsExpiring: [],
  retirement: undefined,
  auditAnchor: 7,
};
const hunt = (state: Parts["hunts"][number]["state"]): Partial<Parts> => ({
  hunts: sound.hunts.map((one) => ({ ...one, state, reason: "because" })),
});

describe("judge", () => {
  test("finds nothing where nothing is wrong: a hunt without rows stays healthy", () => {
    expect(judge(sound)).toEqual({ status: "healthy", problems: [] });
    expect(judge({ ...sound, ...hunt("new") }).status).toBe("healthy");
  });

  test.each([
    ["an overdue hunt", hunt("overdue"), "unhealthy", /overdue.*tick/],
    ["a hunt that the service refuses", hunt("invalid"), "unhealthy", /invalid: because/],
    ["a missing permission", hunt("blocked"), "unhealthy", /blocked/],
    ["a result that cannot be completed", hunt("degraded"), "degraded", /degraded/],
    [
      "a pause",
      {
        quotas: [
          { api: "files", pausedUntil: "2026-01-05T07:00:00Z", breakerOpenUntil: undefined },
        ],
      },
      "degraded",
      /files until 2026/,
    ],
    [
      "an open breaker",
      {
        quotas: [
          { api: "files", pausedUntil: undefined, breakerOpenUntil: "2026-01-05T07:00:00Z" },
        ],
      },
      "degraded",
      /failures/,
    ],
    ["dead letters", { deadLetters: 2 }, "unhealthy", /2 dead letters.*replay/],
    [
      "a secret near its end",
      { secretsExpiring: [{ secret: "cloud-apps-token", expires: "2026-01-09" }] },
      "degraded",
      /cloud-apps-token/,
    ],
    [
      "an API near its end",
      { retirement: { api: "defender", on: "2027-02-01", daysLeft: 30 } },
      "degraded",
      /HUNTING_API/,
    ],
    [
      "an API past its end",
      { retirement: { api: "defender", on: "2027-02-01", daysLeft: -1 } },
      "unhealthy",
      /HUNTING_API/,
    ],
  ] satisfies readonly (readonly [string, Partial<Parts>, string, RegExp])[])(
    "names %s and what to do",
    (_, change, status, problem) => {
      const judged = judge({ ...sound, ...change });
      expect(judged.status).toBe(status);
      expect(judged.problems.join("\n")).toMatch(problem);
    },
  );
});
