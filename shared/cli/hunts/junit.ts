/** Writes test outcomes as a JUnit report, which CI systems read. */
import type { TestOutcome } from "../../kql/testing/run-hunt-test.ts";

/** One case and its outcome. */
export interface TestReport {
  readonly hunt: string;
  readonly test: string;
  readonly outcome: TestOutcome;
  readonly durationMs: number;
}

const escapeXml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    // oxlint-disable-next-line no-control-regex -- XML 1.0 allows no other control characters
    .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, "");

/** Returns the report's XML. */
export function formatJunit(reports: readonly TestReport[]): string {
  const failures = reports.filter(({ outcome }) => outcome.kind !== "passed").length;
  const cases = reports.map(({ hunt, test, outcome, durationMs }) => {
    const names = `classname="${escapeXml(hunt)}" name="${escapeXml(test)}"`;
    const open = `  <testcase ${names} time="${(durationMs / 1_000).toFixed(3)}"`;
    if (outcome.kind === "passed") return `${open}/>`;
    const message = outcome.kind === "invalid" ? outcome.message : "The rows differ.";
    return `${open}>\n    <failure message="${escapeXml(message)}"/>\n  </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="hunts" tests="${reports.length}" failures="${failures}">`,
    ...cases,
    "</testsuite>",
    "",
  ].join("\n");
}
