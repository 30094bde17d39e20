import { describe, expect, test } from "vitest";
import { toHuntName } from "../../../../shared/kql/compile/hunt-name.ts";

describe("toHuntName", () => {
  test.each([
    ["catalog/Office starts script host.yaml", "office-starts-script-host"],
    ["MassFileRename.yml", "mass-file-rename"],
    ["c2-lookup[Nobelium].md", "c2-lookup-nobelium"],
    ["RDPLogon_fromÜbersee.kql", "rdp-logon-from-ubersee"],
    ["CVE-2021-36934 usage.md", "cve-2021-36934-usage"],
  ])("names %s %s", (file, name) => {
    expect(toHuntName(file)).toBe(name);
  });

  test("cuts a long name at a word and tells two long names apart", () => {
    const long =
      "somebody gave this hunt a file name that goes on and on because names are free of charge";
    const [one, other] = [toHuntName(`${long} one.yaml`), toHuntName(`${long} other.yaml`)];
    expect(one).toMatch(
      /^somebody-gave-this-hunt-a-file-name-that-goes-on-and-on-because-names-are-[0-9a-f]{6}$/,
    );
    expect(one?.length).toBeLessThanOrEqual(80);
    expect(one).not.toBe(other);
  });

  test("keeps a name of exactly 80 characters", () => {
    expect(toHuntName(`${"a".repeat(80)}.yaml`)).toBe("a".repeat(80));
    expect(toHuntName(`${"a".repeat(81)}.yaml`)).toMatch(/^a{73}-[0-9a-f]{6}$/);
  });

  test.each(["a.yaml", "日本語.yaml", "--.yaml"])("gives %s no name", (file) => {
    expect(toHuntName(file)).toBeUndefined();
  });
});
