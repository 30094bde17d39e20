import { describe, expect, test } from "vitest";
import { recordVerdict, submitVerdict } from "../../../shared/alerts/submit-verdict.ts";
import { requestPath } from "../../../shared/alerts/request-record.ts";
import { readVerdictStatus } from "../../../shared/alerts/verdict-status.ts";
import { verdictRequest } from "../../../shared/contracts/alert-verdict.ts";
import { validVerdict, alertHarness } from "../../support/alert-harness.ts";

const id = "sentinel-0123456789abcdef0123456789abcdef";
const toDelivery = (bodyHash: string) => ({ source: "sentinel", bodyHash });
const { dryRun: _none, ...verdict } = verdictRequest.parse({ ...validVerdict, id });

describe("a verdict that a webhook records", () => {
  test("a recorded verdict keeps its id: the same body is the same, another body is another", async () => {
    const { deps } = alertHarness(1);
    expect(await recordVerdict(deps, id, verdict, toDelivery("a"))).toMatchObject({ kind: "new" });
    expect(
      await recordVerdict(deps, id, { ...verdict, requestedAt: "later" }, toDelivery("a")),
    ).toEqual({
      kind: "same",
    });
    expect(await recordVerdict(deps, id, verdict, toDelivery("b"))).toEqual({ kind: "other" });
    expect(await recordVerdict(deps, id, undefined, toDelivery("b"))).toEqual({ kind: "other" });
    expect(await readVerdictStatus(deps, id)).toMatchObject({
      closure: "falsePositive",
      alerts: [{ outcome: "waiting" }, {}],
    });
  });

  test("a request over HTTP cannot use the id of a recorded verdict", async () => {
    const { deps } = alertHarness(1);
    await recordVerdict(deps, id, verdict, toDelivery("a"));
    expect(await submitVerdict(deps, { ...verdict, comment: "another" }, "api", 10)).toEqual({
      kind: "idTaken",
    });
  });

  test("a delivery without a verdict reserves the id and has no status", async () => {
    const { deps } = alertHarness(1);
    expect(await recordVerdict(deps, id, undefined, toDelivery("a"))).toMatchObject({
      kind: "new",
    });
    expect(await recordVerdict(deps, id, undefined, toDelivery("a"))).toEqual({ kind: "same" });
    expect(await recordVerdict(deps, id, verdict, toDelivery("b"))).toEqual({ kind: "other" });
    expect(await readVerdictStatus(deps, id)).toBeUndefined();
  });

  test("F43: an invalid record under the id is never taken for absent", async () => {
    const { deps, store } = alertHarness(1);
    store.poke(requestPath(id), '{"version":1,"dig');
    expect(await recordVerdict(deps, id, verdict, toDelivery("a"))).toEqual({ kind: "other" });
  });
});
