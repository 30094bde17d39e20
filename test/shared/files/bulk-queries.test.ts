import { describe, expect, test } from "vitest";
import {
  createOrganizationQuery,
  createProfileQuery,
  readOrganization,
  readProfile,
} from "../../../shared/files/bulk-queries.ts";
import { fileHash } from "../../support/files-harness.ts";

const hashes = [fileHash(0), fileHash(1)];

describe("a bulk query", () => {
  test("names each hash once as a literal", () => {
    for (const query of [createProfileQuery("SHA1", hashes), createOrganizationQuery(hashes, 24)])
      expect(query.match(/"[0-9a-f]{40}"/g)).toEqual(hashes.map((hash) => `"${hash}"`));
    expect(createOrganizationQuery(hashes, 24)).toContain("ago(24h)");
  });

  test.each([
    '"] | union Secrets //',
    fileHash(0).toUpperCase(),
    "",
    fileHash(0, "md5"),
    `${fileHash(0)}\n`,
  ])("refuses %j as a hash", (hash) => {
    expect(() => createProfileQuery("SHA1", [hash])).toThrow(RangeError);
    expect(() => createOrganizationQuery([hash], 24)).toThrow(RangeError);
  });

  test.each([0, 721, 1.5, Number.NaN, Infinity])("refuses a look-back of %s hours", (hours) => {
    expect(() => createOrganizationQuery(hashes, hours)).toThrow(RangeError);
  });
});

describe("a row of a bulk query", () => {
  test("is read as a profile, with NULL as null", () => {
    const row = {
      SHA1: fileHash(0).toUpperCase(),
      SHA256: null,
      FileSize: "4096",
      IsExecutable: 1,
      GlobalPrevalence: null,
      GlobalFirstSeen: "2015-03-19T12:20:07.3432441Z",
      Signer: "",
      IsCertificateValid: false,
      ThreatName: "Trojan:Win32/X",
      ProfileAvailability: "Available",
    };
    expect(readProfile(row)).toMatchObject({
      sha1: fileHash(0),
      sha256: null,
      availability: "available",
      global: {
        globalPrevalence: null,
        globalFirstSeen: "2015-03-19T12:20:07.3432441Z",
        globalLastSeen: null,
      },
      information: {
        size: 4_096,
        isPeFile: true,
        signer: null,
        isValidCertificate: false,
        determinationType: "Malware",
        determinationValue: "Trojan:Win32/X",
      },
    });
  });

  test.each([
    ["Missing", "missing"],
    ["Error", "error"],
    [null, "error"],
  ])("with availability %j is '%s'", (ProfileAvailability, availability) => {
    expect(readProfile({ ProfileAvailability }).availability).toBe(availability);
  });

  test.each([
    ["a list", ["a.exe", ""]],
    ["its JSON text", '["a.exe"]'],
  ])("is read as figures of the organization, with file names as %s", (_, TopFileNames) => {
    expect(
      readOrganization({ SHA1: fileHash(0), OrganizationPrevalence: 2, TopFileNames }),
    ).toEqual([
      fileHash(0),
      {
        organizationPrevalence: 2,
        organizationFirstSeen: null,
        organizationLastSeen: null,
        topFileNames: ["a.exe"],
      },
    ]);
  });
});
