import { describe, expect, test } from "vitest";
import {
  noteVerdict,
  requestPath,
  submitVerdict,
  verdictStatus,
} from "../../../shared/alerts/verdict-requests.ts";
import { verdictRequest } from "../../../shared/contracts/alert-verdict.ts";
import { soundVerdict, verdictBench } from "../../support/alert-harness.ts";

const id = "sentinel-0123456789abcdef0123456789abcdef";
const from = (bodyHash: string) => ({ source: "sentinel", bodyHash });
const { dryRun: _none, ...asked } = verdictRequest.parse({ ...soundVerdict, id });

describe("a verdict that a webhook writes down", () => {
  test("has its id for good: again it is the same, another body is another", async () => {
    const { desk } = verdictBench(1);
    expect(await noteVerdict(desk, id, asked, from("a"))).toMatchObject({ kind: "new" });
    expect(await noteVerdict(desk, id, { ...asked, requestedAt: "later" }, from("a"))).toEqual({
      kind: "same",
    });
    expect(await noteVerdict(desk, id, asked, from("b"))).toEqual({ kind: "other" });
    expect(await noteVerdict(desk, id, undefined, from("b"))).toEqual({ kind: "other" });
    expect(await verdictStatus(desk, id)).toMatchObject({
      closure: "false_positive",
      alerts: [{ outcome: "waiting" }, {}],
    });
  });

  test("keeps its id from a request over HTTP", async () => {
    const { desk } = verdictBench(1);
    await noteVerdict(desk, id, asked, from("a"));
    expect(await submitVerdict(desk, { ...asked, comment: "another" }, "api", 10)).toEqual({
      kind: "id-taken",
    });
  });

  test("of none takes the id and shows nothing", async () => {
    const { desk } = verdictBench(1);
    expect(await noteVerdict(desk, id, undefined, from("a"))).toMatchObject({ kind: "new" });
    expect(await noteVerdict(desk, id, undefined, from("a"))).toEqual({ kind: "same" });
    expect(await noteVerdict(desk, id, asked, from("b"))).toEqual({ kind: "other" });
    expect(await verdictStatus(desk, id)).toBeUndefined();
  });

  test("F43: over a record that cannot be read is never taken for new", async () => {
    const { desk, store } = verdictBench(1);
    store.poke(requestPath(id), '{"version":1,"dig');
    expect(await noteVerdict(desk, id, asked, from("a"))).toEqual({ kind: "other" });
  });
});
