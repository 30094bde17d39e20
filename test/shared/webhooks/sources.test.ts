import { describe, expect, test } from "vitest";
import { webhookVerbs } from "../../../shared/contracts/webhook.ts";
import { mayAsk, proofNames, readerNames } from "../../../shared/webhooks/policies.ts";
import { readSource } from "../../../shared/webhooks/sources.ts";
import { testMapping } from "../../support/webhook-harness.ts";

const read = (source: object, name = "one") => readSource({ [name]: source }, name, testMapping);
const sound = { proof: "standard", mapping: "test" };

/** What may be asked from anywhere, and from the source's own addresses: E enrich, V verdict, H hunt. */
const table = {
  sentinel: {
    standard: "EVH",
    "body-hmac": "EVH",
    bearer: "E/EVH",
    entra: "EVH",
    "function-key": "E",
  },
  defender: {
    standard: "EVH",
    "body-hmac": "EVH",
    bearer: "E/EVH",
    entra: "EVH",
    "function-key": "E",
  },
  "cloud-apps": {
    standard: "EH",
    "body-hmac": "EH",
    bearer: "E/EH",
    entra: "EH",
    "function-key": "E",
  },
  splunk: { standard: "E", "body-hmac": "E", bearer: "E", entra: "E", "function-key": "E" },
  elastic: { standard: "EH", "body-hmac": "EH", bearer: "E/EH", entra: "EH", "function-key": "E" },
  generic: {
    standard: "EVH",
    "body-hmac": "EVH",
    bearer: "E/EVH",
    entra: "EVH",
    "function-key": "E",
  },
} as const;

const letters = { E: "enrich", V: "verdict", H: "hunt" } as const;
const spelt = (text: string): string[] =>
  Array.from(text, (letter) => letters[letter as keyof typeof letters]);

describe("X05: what each source may ask", () => {
  test.each(readerNames.flatMap((reader) => proofNames.map((proof) => [reader, proof] as const)))(
    "%s by %s is what the table says",
    (reader, proof) => {
      const [anywhere = "", bound = anywhere] = table[reader][proof].split("/");
      expect(mayAsk(reader, proof, false)).toEqual(spelt(anywhere));
      expect(mayAsk(reader, proof, true)).toEqual(spelt(bound));
      for (const verb of webhookVerbs) {
        const source = {
          reader,
          proof,
          may: [verb],
          ...(reader === "generic" ? { mapping: "test" } : {}),
          ...(proof === "entra" ? { audience: "api://x", roles: ["r"] } : {}),
        };
        expect(read(source).kind, verb).toBe(spelt(anywhere).includes(verb) ? "source" : "fault");
      }
    },
  );

  test("is what the source says, where that is less", () => {
    expect(read({ ...sound, may: ["enrich"] })).toMatchObject({ source: { may: ["enrich"] } });
  });
});

describe("a source of the setting", () => {
  test("is read with its defaults", () => {
    expect(read({ proof: "body-hmac" }, "sentinel")).toEqual({
      kind: "source",
      source: {
        name: "sentinel",
        reader: "sentinel",
        mapping: undefined,
        proof: "body-hmac",
        may: ["enrich", "verdict", "hunt"],
        signatureHeader: "x-hub-signature-256",
        idHeader: "x-github-delivery",
        audience: "",
        callers: [],
        roles: [],
        addresses: [],
        functionKey: false,
        hunts: [],
      },
    });
  });

  test("of another name needs a reader or a mapping", () => {
    expect(read({ proof: "standard" }, "acme")).toMatchObject({
      kind: "fault",
      faults: [{ path: "/acme/mapping" }],
    });
    expect(read({ proof: "standard", reader: "defender" }, "acme")).toMatchObject({
      source: { reader: "defender" },
    });
  });

  test.each<[string, object, string]>([
    ["without a proof", { mapping: "test" }, "/one/proof"],
    ["with an unknown proof", { ...sound, proof: "trust" }, "/one/proof"],
    ["with a misspelt key", { ...sound, adresses: ["203.0.113.0/24"] }, "/one/adresses"],
    ["with an unknown mapping", { ...sound, mapping: "toString" }, "/one/mapping"],
    ["with an address that is none", { ...sound, addresses: ["everywhere"] }, "/one/addresses/0"],
    ["by Entra without an audience", { ...sound, proof: "entra", roles: ["x"] }, "/one/audience"],
    ["by Entra that any app may call", { ...sound, proof: "entra", audience: "x" }, "/one/callers"],
    ["whose caller is no GUID", { ...sound, callers: ["me"] }, "/one/callers/0"],
    [
      "whose rule has a pointer that is none",
      { ...sound, hunts: [{ hunt: "abc", when: { x: ["1"] } }] },
      "/one/hunts/0/when/x",
    ],
    [
      "whose rule starts a hunt of no name",
      { ...sound, hunts: [{ hunt: "No Hunt" }] },
      "/one/hunts/0/hunt",
    ],
  ])("P18: %s is a fault that names the place", (_, source, path) => {
    const outcome = read(source);
    expect(outcome.kind).toBe("fault");
    expect(outcome.kind === "fault" ? outcome.faults.map((fault) => fault.path) : []).toContain(
      path,
    );
  });

  test.each(["constructor", "__proto__", "toString", "One", "", "../x", "a".repeat(41)])(
    "F59: %j is no source",
    (name) => {
      expect(readSource({ one: sound }, name, testMapping)).toEqual({ kind: "unknown" });
    },
  );
});
