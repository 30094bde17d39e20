/** Tables of device activity: files, network, logons; and of device reports. */
import type { Organization, Device } from "../entities.ts";
import type { TableSpec } from "../simulated-event.ts";
import { mixBits, type Random } from "../random.ts";
import {
  emptyFields,
  deviceCells,
  fileCells,
  initiatingCells,
  drawOrdinaryEvent,
  pathOf,
} from "./process.ts";

/** Common sites and their addresses. */
const sites = [
  ["https://login.microsoftonline.com/common/oauth2", "198.18.4.10"],
  ["https://outlook.office365.com/mapi", "198.18.4.22"],
  ["https://www.google.com/", "198.18.7.4"],
  ["https://teams.microsoft.com/api", "198.18.4.40"],
  ["https://intranet.contoso.com/", "10.20.0.9"],
  ["https://update.microsoft.com/v6", "198.18.4.77"],
  ["https://registry.npmjs.org/left-pad", "198.18.9.16"],
  ["http://ocsp.digicert.com/", "198.18.9.80"],
] as const;

const fileActions = ["FileCreated", "FileModified", "FileRenamed", "FileDeleted"];

const files: TableSpec = {
  name: "DeviceFileEvents",
  weight: 75,
  draw: (random, organization) => ({
    ...emptyFields,
    ...drawOrdinaryEvent(random, organization),
    action: random.pickSkewed(fileActions),
    file: random.chance(0.002)
      ? random.pick(organization.rare)
      : random.pickSkewed(organization.documents),
    subject: random.chance(0.05) ? random.pick(sites)[0] : "",
  }),
  cells: {
    ...deviceCells,
    ...initiatingCells,
    ...fileCells,
    FileOriginUrl: ({ subject }) => subject,
    PreviousFileName: ({ action, file }) => (action === "FileRenamed" ? `~${file.name}` : ""),
    PreviousFolderPath: ({ action, file }) => (action === "FileRenamed" ? pathOf(file) : ""),
    RequestProtocol: () => "Local",
    RequestAccountName: ({ user }) => user.name,
    RequestAccountDomain: ({ user }) => user.domain,
    RequestAccountSid: ({ user }) => user.sid,
    IsAzureInfoProtectionApplied: () => false,
  },
};

const network: TableSpec = {
  name: "DeviceNetworkEvents",
  weight: 100,
  draw: (random, organization) => {
    const [subject, remoteIp] = random.pickSkewed(sites);
    const action = random.pickSkewed([
      "ConnectionSuccess",
      "ConnectionSuccess",
      "ConnectionAttempt",
      "ConnectionFailed",
    ]);
    const event = drawOrdinaryEvent(random, organization);
    return {
      ...emptyFields,
      ...event,
      action,
      file: event.by,
      subject,
      remoteIp,
      remotePort: subject.startsWith("https") ? 443 : 80,
    };
  },
  cells: {
    ...deviceCells,
    ...initiatingCells,
    RemoteIP: ({ remoteIp }) => remoteIp,
    RemotePort: ({ remotePort }) => remotePort,
    RemoteUrl: ({ subject }) => subject,
    LocalIP: ({ device }) => device.ip,
    LocalPort: ({ bits }) => 49_152 + (bits % 16_000),
    Protocol: () => "Tcp",
    LocalIPType: () => "Private",
    RemoteIPType: ({ remoteIp }) => (remoteIp.startsWith("10.") ? "Private" : "Public"),
  },
};

const logons: TableSpec = {
  name: "DeviceLogonEvents",
  weight: 16,
  draw: (random, organization) => ({
    ...emptyFields,
    ...drawOrdinaryEvent(random, organization),
    action: random.chance(0.06) ? "LogonFailed" : "LogonSuccess",
    file: organization.getFile("lsass.exe"),
    by: organization.getFile("lsass.exe"),
    byCommandLine: "lsass.exe",
    subject: random.pickSkewed([
      "Network",
      "Interactive",
      "RemoteInteractive",
      "CachedInteractive",
      "Batch",
      "Service",
    ]),
    remoteIp: random.pick(organization.devices).ip,
  }),
  cells: {
    ...deviceCells,
    ...initiatingCells,
    LogonType: ({ subject }) => subject,
    AccountDomain: ({ user }) => user.domain,
    AccountName: ({ user }) => user.name,
    AccountSid: ({ user }) => user.sid,
    Protocol: ({ subject }) => (subject === "Network" ? "Kerberos" : "Negotiate"),
    FailureReason: ({ action }) => (action === "LogonFailed" ? "InvalidUserNameOrPassword" : ""),
    IsLocalAdmin: ({ user }) => user.isAdmin,
    LogonId: ({ bits }) => BigInt(bits % 9_999_991),
    RemoteIP: ({ subject, remoteIp }) =>
      subject === "Network" || subject === "RemoteInteractive" ? remoteIp : "",
    RemoteIPType: ({ subject }) =>
      subject === "Network" || subject === "RemoteInteractive" ? "Private" : "",
  },
};

/** Devices report in rotation, so that each one has reports. */
function drawReport(
  random: Random,
  organization: Organization,
  index: number,
): ReturnType<TableSpec["draw"]> {
  const device: Device =
    organization.devices[index % organization.devices.length] ?? random.pick(organization.devices);
  const user = organization.users[device.owner] ?? random.pick(organization.users);
  const file = organization.getFile("svchost.exe");
  return {
    ...emptyFields,
    device,
    user,
    action: "",
    file,
    by: file,
    byCommandLine: "",
    byParent: file,
    bits: random.nextBits(),
  };
}

const devices: TableSpec = {
  name: "DeviceInfo",
  weight: 25,
  draw: drawReport,
  cells: {
    ...deviceCells,
    ClientVersion: () => "10.8760.26100.1",
    PublicIP: ({ device }) => device.publicIp,
    OSArchitecture: () => "64-bit",
    OSPlatform: ({ device }) => device.osPlatform,
    OSBuild: ({ device }) => device.osBuild,
    OSVersion: ({ device }) => device.osVersion,
    OSVersionInfo: ({ device }) => device.osVersion,
    IsAzureADJoined: ({ device }) => device.kind === "Workstation",
    JoinType: ({ device }) => (device.kind === "Workstation" ? "AAD Joined" : "Domain Joined"),
    AadDeviceId: ({ device }) => device.aadId,
    LoggedOnUsers: ({ user }) =>
      JSON.stringify([{ UserName: user.name, DomainName: user.domain, Sid: user.sid }]),
    MachineGroup: ({ device }) => device.group,
    OnboardingStatus: () => "Onboarded",
    DeviceCategory: () => "Endpoint",
    DeviceType: ({ device }) => device.kind,
    Vendor: () => "Contoso",
    IsInternetFacing: ({ device }) => device.kind === "Server" && mixBits(device.id) % 5 === 0,
    SensorHealthState: () => "Active",
    ExposureLevel: ({ device }) => ["Low", "Medium", "High"][mixBits(device.id) % 3],
    AssetValue: ({ device }) => (device.kind === "Server" ? "High" : "Normal"),
    IsExcluded: () => false,
    IsTransient: () => false,
    HardwareUuid: ({ device }) => device.aadId,
  },
};

const adapters: TableSpec = {
  name: "DeviceNetworkInfo",
  weight: 25,
  draw: drawReport,
  cells: {
    ...deviceCells,
    NetworkAdapterName: ({ device }) => `{${device.aadId.toUpperCase()}}`,
    MacAddress: ({ device }) => device.mac,
    NetworkAdapterType: () => "Ethernet",
    NetworkAdapterStatus: () => "Up",
    ConnectedNetworks: ({ device }) =>
      JSON.stringify([
        { Name: "contoso.com", IsConnectedToInternet: true, Category: device.group },
      ]),
    DnsAddresses: () => '["10.20.0.2","10.20.0.3"]',
    DefaultGateways: () => '["10.20.0.1"]',
    IPAddresses: ({ device }) =>
      JSON.stringify([{ IPAddress: device.ip, SubnetPrefix: 24, AddressType: "Private" }]),
    OnboardingStatus: () => "Onboarded",
  },
};

/** Vulnerabilities of the software on the devices. Constant, not a time series. */
const vulnerabilities = [
  "CVE-2025-21298",
  "CVE-2025-29824",
  "CVE-2025-53770",
  "CVE-2026-20805",
] as const;

/** Returns one row per device and vulnerability, in the order of the devices. */
export function* drawVulnerabilityRows(
  organization: Organization,
): Generator<Readonly<Record<string, unknown>>> {
  for (const device of organization.devices) {
    for (const [index, cve] of vulnerabilities.entries()) {
      if (mixBits(organization.seed, device.id, cve) % 3 !== 0) continue;
      yield {
        DeviceId: device.id,
        DeviceName: device.name,
        OSPlatform: device.osPlatform,
        OSVersion: device.osVersion,
        OSArchitecture: "x64",
        SoftwareVendor: "microsoft",
        SoftwareName: "windows",
        SoftwareVersion: device.osVersion,
        CveId: cve,
        VulnerabilitySeverityLevel: index % 2 === 0 ? "Critical" : "High",
        RecommendedSecurityUpdate: "November 2026 Security Updates",
        RecommendedSecurityUpdateId: `50${mixBits(cve) % 100_000}`,
        CveTags: [],
      };
    }
  }
}

/** Files, network, logons and device reports. */
export const activityTables: readonly TableSpec[] = [files, network, logons, devices, adapters];
