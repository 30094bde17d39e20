import { beforeAll, describe, expect, test } from "vitest";
import { evaluateDataset } from "../../hunting/evaluate-dataset.ts";
import { warmUp } from "../../../shared/kql/evaluate/run-query.ts";
import { createDataset } from "../dataset.ts";
import { scenarios } from "./library.ts";

beforeAll(warmUp);

const now = 17_953_056_000_000_000n;
const day = 864_000_000_000n;
const dataset = createDataset({ eventsPerHour: 12 });
const quietDataset = createDataset({ eventsPerHour: 12, scenarios: false });

const countRows = (query: string, target = dataset): number => {
  const result = evaluateDataset(query, target, {
    now,
    timespan: { from: now - 2n * day, to: now },
  });
  if ("refusedBy" in result) throw new Error(result.message);
  return Array.from(result.rows).length;
};

describe("a query for one scenario", () => {
  test.each([
    [
      "Office starting a script host",
      `DeviceProcessEvents | where InitiatingProcessFileName in~ ("winword.exe", "excel.exe") and FileName in~ ("powershell.exe", "cmd.exe")`,
    ],
    [
      "a PowerShell download",
      `DeviceProcessEvents | where FileName =~ "powershell.exe" and ProcessCommandLine has_any ("DownloadFile", "DownloadString")`,
    ],
    [
      "a signed program as a proxy",
      `DeviceProcessEvents | where ProcessCommandLine has_any ("scrobj.dll", "mshtml", "urlcache", "transfer", "hta")`,
    ],
    [
      "a new local administrator",
      `DeviceEvents | where ActionType == "UserAccountAddedToLocalGroup" | extend G = parse_json(AdditionalFields) | where tostring(G.GroupSid) == "S-1-5-32-544"`,
    ],
    [
      "a mass rename",
      `DeviceFileEvents | where ActionType == "FileRenamed" | summarize c = count() by DeviceId, InitiatingProcessId, bin(Timestamp, 5m) | where c >= 100`,
    ],
    [
      "deleted shadow copies",
      `DeviceProcessEvents | where FileName =~ "vssadmin.exe" and ProcessCommandLine has_all ("delete", "shadows")`,
    ],
    [
      "an impossible journey",
      `CloudAppEvents | where ActionType == "UserLoggedIn" | summarize c = dcount(CountryCode) by AccountObjectId, bin(Timestamp, 1h) | where c > 1`,
    ],
    [
      "a beacon",
      `DeviceNetworkEvents | summarize c = count(), m = dcount(bin(Timestamp, 1m)) by DeviceId, RemoteUrl, InitiatingProcessFileName | where m >= 25 and RemoteUrl has "telemetry"`,
    ],
    [
      "a rare file",
      `DeviceProcessEvents | invoke FileProfile(SHA1, 1000) | where GlobalPrevalence < 100 and isempty(Signer)`,
    ],
    [
      "a password spray",
      `DeviceLogonEvents | where ActionType == "LogonFailed" | summarize c = dcount(AccountName) by RemoteIP, bin(Timestamp, 1h) | where c > 20`,
    ],
    [
      "a Run key",
      `DeviceRegistryEvents | where RegistryKey endswith @"\\CurrentVersion\\Run" and RegistryValueData has "Public"`,
    ],
    [
      "a phishing link",
      `EmailUrlInfo | where UrlDomain endswith "contoso-secure.example" | join kind=inner EmailEvents on NetworkMessageId`,
    ],
    [
      "alerts with evidence",
      `AlertInfo | join kind=inner AlertEvidence on AlertId | where EntityType == "File" and isnotempty(SHA1)`,
    ],
  ])("finds %s, and nothing in a dataset without scenarios", (_, query) => {
    expect(countRows(query)).toBeGreaterThan(0);
    expect(countRows(query, quietDataset)).toBe(0);
  });
});

describe("a scenario", () => {
  test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    "emits %s once in each of its spans, in the tables that it names",
    (_, { hours, tables, lengthMs }) => {
      expect(lengthMs).toBeLessThan(hours * 3_600_000);
      for (const table of tables)
        expect(dataset.countRows(table, { from: now - 2n * day, to: now })).toBeGreaterThan(
          quietDataset.countRows(table, { from: now - 2n * day, to: now }),
        );
    },
  );
});
