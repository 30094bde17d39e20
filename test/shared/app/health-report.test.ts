import { describe, expect, test } from "vitest";
import { assessHealth, type HealthReport } from "../../../shared/app/health-report.ts";

type HealthDetails = Omit<HealthReport, "status" | "problems">;

const healthy: HealthDetails = {
  hunts: [
    {
      name: "a-hunt",
      state: "ok",
      reason: null,
      watermark: "2026-01-05T06:00:00Z",
      watermarkAgeSeconds: 60,
      version: 1,
      head: null,
      schemaChange: null,
      suppressed: null,
      warnings: [],
    },
  ],
  quotas: [{ api: "hunting", pausedUntil: null, breakerOpenUntil: null }],
  deadLetters: 0,
  secretsExpiring: [],
  retirement: null,
  refusedVerdictCalls: null,
  auditAnchor: 7,
};
const withHuntState = (state: HealthDetails["hunts"][number]["state"]): Partial<HealthDetails> => ({
  hunts: healthy.hunts.map((one) => ({ ...one, state, reason: "because" })),
});

describe("judge", () => {
  test("finds nothing where nothing is wrong: a hunt without rows stays healthy", () => {
    expect(assessHealth(healthy)).toEqual({ status: "healthy", problems: [] });
    expect(assessHealth({ ...healthy, ...withHuntState("new") }).status).toBe("healthy");
  });

  test("shows warnings of a hunt's file and leaves the status alone", () => {
    const hunts = healthy.hunts.map((one) => ({ ...one, warnings: ["The review was due."] }));
    expect(assessHealth({ ...healthy, hunts })).toEqual({
      status: "healthy",
      problems: ["Hunt a-hunt: The review was due."],
    });
  });

  test.each([
    ["an overdue hunt", withHuntState("overdue"), "unhealthy", /overdue.*tick/],
    ["a hunt that the service refuses", withHuntState("invalid"), "unhealthy", /invalid: because/],
    ["a missing permission", withHuntState("blocked"), "unhealthy", /blocked/],
    ["a result that cannot be completed", withHuntState("degraded"), "degraded", /degraded/],
    [
      "a pause",
      {
        quotas: [{ api: "files", pausedUntil: "2026-01-05T07:00:00Z", breakerOpenUntil: null }],
      },
      "degraded",
      /files until 2026/,
    ],
    [
      "an open breaker",
      {
        quotas: [{ api: "files", pausedUntil: null, breakerOpenUntil: "2026-01-05T07:00:00Z" }],
      },
      "degraded",
      /failures/,
    ],
    ["dead letters", { deadLetters: 2 }, "unhealthy", /2 dead letters.*replay/],
    [
      "refused verdicts",
      { refusedVerdictCalls: { since: "2026-01-05T06:00:00.000Z", reason: "role missing." } },
      "degraded",
      /since 2026-01-05T06:00:00.000Z: role missing.*doctor/,
    ],
    [
      "a secret near its end",
      { secretsExpiring: [{ secret: "cloud-apps-token", expires: "2026-01-09" }] },
      "degraded",
      /cloud-apps-token/,
    ],
    [
      "an API near its end",
      { retirement: { api: "defender", retiresOn: "2027-02-01", daysLeft: 30 } },
      "degraded",
      /HUNTING_API/,
    ],
    [
      "an API past its end",
      { retirement: { api: "defender", retiresOn: "2027-02-01", daysLeft: -1 } },
      "unhealthy",
      /HUNTING_API/,
    ],
  ] satisfies readonly (readonly [string, Partial<HealthDetails>, string, RegExp])[])(
    "names %s and what to do",
    (_, change, status, problem) => {
      const assessment = assessHealth({ ...healthy, ...change });
      expect(assessment.status).toBe(status);
      expect(assessment.problems.join("\n")).toMatch(problem);
    },
  );
});
