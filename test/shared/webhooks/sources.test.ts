import { describe, expect, test } from "vitest";
import { webhookActions } from "../../../shared/contracts/webhook.ts";
import { listAllowedActions, authMethods, readerNames } from "../../../shared/webhooks/policies.ts";
import { readSource } from "../../../shared/webhooks/sources.ts";
import { testMapping } from "../../support/webhook-harness.ts";

const readOne = (source: object, name = "one") => readSource({ [name]: source }, name, testMapping);
const validSource = { auth: "standard", mapping: "test" };

/**
 * What may be asked from anywhere, and from the source's own addresses: E enrich, V verdict, H
 * hunt.
 */
const table = {
  sentinel: {
    standard: "EVH",
    bodyHmac: "EVH",
    bearer: "E/EVH",
    entra: "EVH",
    functionKey: "E",
  },
  defender: {
    standard: "EVH",
    bodyHmac: "EVH",
    bearer: "E/EVH",
    entra: "EVH",
    functionKey: "E",
  },
  "cloud-apps": {
    standard: "EH",
    bodyHmac: "EH",
    bearer: "E/EH",
    entra: "EH",
    functionKey: "E",
  },
  splunk: { standard: "E", bodyHmac: "E", bearer: "E", entra: "E", functionKey: "E" },
  elastic: { standard: "EH", bodyHmac: "EH", bearer: "E/EH", entra: "EH", functionKey: "E" },
  generic: {
    standard: "EVH",
    bodyHmac: "EVH",
    bearer: "E/EVH",
    entra: "EVH",
    functionKey: "E",
  },
  any: { standard: "EH", bodyHmac: "EH", bearer: "E/EH", entra: "EH", functionKey: "E" },
} as const;

const letters = { E: "enrich", V: "verdict", H: "hunt" } as const;
const spellOut = (text: string): string[] =>
  Array.from(text, (letter) => letters[letter as keyof typeof letters]);

describe("X05: the actions that a source may trigger", () => {
  test.each(readerNames.flatMap((reader) => authMethods.map((auth) => [reader, auth] as const)))(
    "%s with %s allows exactly the actions of the table",
    (reader, auth) => {
      const [anywhere = "", bound = anywhere] = table[reader][auth].split("/");
      expect(listAllowedActions(reader, auth, false)).toEqual(spellOut(anywhere));
      expect(listAllowedActions(reader, auth, true)).toEqual(spellOut(bound));
      for (const verb of webhookActions) {
        const source = {
          reader,
          auth: auth,
          allow: [verb],
          ...(reader === "generic" ? { mapping: "test" } : {}),
          ...(auth === "entra" ? { audience: "api://x", roles: ["r"] } : {}),
        };
        expect(readOne(source).kind, verb).toBe(
          spellOut(anywhere).includes(verb) ? "source" : "invalid",
        );
      }
    },
  );

  test("a source can allow fewer actions than its table", () => {
    expect(readOne({ ...validSource, allow: ["enrich"] })).toMatchObject({
      source: { allow: ["enrich"] },
    });
  });
});

describe("a source in the setting WEBHOOKS", () => {
  test("a source is read with its defaults", () => {
    expect(readOne({ auth: "bodyHmac" }, "sentinel")).toEqual({
      kind: "source",
      source: {
        name: "sentinel",
        reader: "sentinel",
        mapping: undefined,
        auth: "bodyHmac",
        allow: ["enrich", "verdict", "hunt"],
        signatureHeader: "x-hub-signature-256",
        idHeader: "x-github-delivery",
        audience: "",
        eventGrid: false,
        callers: [],
        roles: [],
        addresses: [],
        functionKey: false,
        hunts: [],
      },
    });
  });

  test("a source that is not named like a reader needs a reader or a mapping", () => {
    expect(readOne({ auth: "standard" }, "acme")).toMatchObject({
      kind: "invalid",
      faults: [{ path: "/acme/mapping" }],
    });
    expect(readOne({ auth: "standard", reader: "defender" }, "acme")).toMatchObject({
      source: { reader: "defender" },
    });
  });

  test.each<[string, object, string]>([
    ["without an authentication", { mapping: "test" }, "/one/auth"],
    ["with an unknown authentication", { ...validSource, auth: "trust" }, "/one/auth"],
    ["with a misspelled key", { ...validSource, adresses: ["203.0.113.0/24"] }, "/one/adresses"],
    ["with an unknown mapping", { ...validSource, mapping: "toString" }, "/one/mapping"],
    ["with an invalid address", { ...validSource, addresses: ["everywhere"] }, "/one/addresses/0"],
    [
      "by Entra without an audience",
      { ...validSource, auth: "entra", roles: ["x"] },
      "/one/audience",
    ],
    [
      "by Entra that any app may call",
      { ...validSource, auth: "entra", audience: "x" },
      "/one/callers",
    ],
    ["whose caller is not a GUID", { ...validSource, callers: ["me"] }, "/one/callers/0"],
    [
      "whose rule has an invalid pointer",
      { ...validSource, hunts: [{ hunt: "abc", when: { x: ["1"] } }] },
      "/one/hunts/0/when/x",
    ],
    [
      "whose rule has an invalid hunt name",
      { ...validSource, hunts: [{ hunt: "No Hunt" }] },
      "/one/hunts/0/hunt",
    ],
  ])("P18: a source %s is invalid, and the fault names the field", (_, source, path) => {
    const outcome = readOne(source);
    expect(outcome.kind).toBe("invalid");
    expect(outcome.kind === "invalid" ? outcome.faults.map((fault) => fault.path) : []).toContain(
      path,
    );
  });

  test.each(["constructor", "__proto__", "toString", "One", "", "../x", "a".repeat(41)])(
    "F59: the name %j is unknown as a source",
    (name) => {
      expect(readSource({ one: validSource }, name, testMapping)).toEqual({ kind: "unknown" });
    },
  );
});

test.each([
  ["0.0.0.0/0", ["enrich"]],
  ["0.0.0.0/1", ["enrich"]],
  ["::/0", ["enrich"]],
  ["203.0.113.0/24", ["enrich", "verdict", "hunt"]],
  ["2001:db8::/32", ["enrich", "verdict", "hunt"]],
])("a bearer source that is restricted to %s may %j", (range, allow) => {
  const outcome = readOne({ ...validSource, auth: "bearer", addresses: [range] });
  expect(outcome).toMatchObject({ kind: "source", source: { allow } });
});

test("two halves of the address space do not restrict a source", () => {
  const addresses = ["0.0.0.0/1", "128.0.0.0/1"];
  expect(readOne({ ...validSource, auth: "bearer", addresses, allow: ["verdict"] }).kind).toBe(
    "invalid",
  );
});
