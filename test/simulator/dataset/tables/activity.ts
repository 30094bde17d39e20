/** Tables of what a device touches: files, network, logons; and what it says of itself. */
import type { Cast, Device } from "../entities.ts";
import type { TableSpec } from "../happening.ts";
import { mix, type Random } from "../random.ts";
import { blank, deviceCells, fileCells, initiatingCells, ordinary, pathOf } from "./process.ts";

/** Sites everybody visits, and their addresses. */
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
  draw: (random, cast) => ({
    ...blank,
    ...ordinary(random, cast),
    action: random.favour(fileActions),
    file: random.chance(0.002) ? random.pick(cast.rare) : random.favour(cast.documents),
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
  draw: (random, cast) => {
    const [subject, remoteIp] = random.favour(sites);
    const action = random.favour([
      "ConnectionSuccess",
      "ConnectionSuccess",
      "ConnectionAttempt",
      "ConnectionFailed",
    ]);
    const event = ordinary(random, cast);
    return {
      ...blank,
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
  draw: (random, cast) => ({
    ...blank,
    ...ordinary(random, cast),
    action: random.chance(0.06) ? "LogonFailed" : "LogonSuccess",
    file: cast.fileNamed("lsass.exe"),
    by: cast.fileNamed("lsass.exe"),
    byCommandLine: "lsass.exe",
    subject: random.favour([
      "Network",
      "Interactive",
      "RemoteInteractive",
      "CachedInteractive",
      "Batch",
      "Service",
    ]),
    remoteIp: random.pick(cast.devices).ip,
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
    IsLocalAdmin: ({ user }) => user.admin,
    LogonId: ({ bits }) => BigInt(bits % 9_999_991),
    RemoteIP: ({ subject, remoteIp }) =>
      subject === "Network" || subject === "RemoteInteractive" ? remoteIp : "",
    RemoteIPType: ({ subject }) =>
      subject === "Network" || subject === "RemoteInteractive" ? "Private" : "",
  },
};

/** Devices report in turn, so that each is heard of. */
function reporting(random: Random, cast: Cast, index: number): ReturnType<TableSpec["draw"]> {
  const device: Device = cast.devices[index % cast.devices.length] ?? random.pick(cast.devices);
  const user = cast.users[device.owner] ?? random.pick(cast.users);
  const file = cast.fileNamed("svchost.exe");
  return {
    ...blank,
    device,
    user,
    action: "",
    file,
    by: file,
    byCommandLine: "",
    byParent: file,
    bits: random.bits(),
  };
}

const devices: TableSpec = {
  name: "DeviceInfo",
  weight: 25,
  draw: reporting,
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
    IsInternetFacing: ({ device }) => device.kind === "Server" && mix(device.id) % 5 === 0,
    SensorHealthState: () => "Active",
    ExposureLevel: ({ device }) => ["Low", "Medium", "High"][mix(device.id) % 3],
    AssetValue: ({ device }) => (device.kind === "Server" ? "High" : "Normal"),
    IsExcluded: () => false,
    IsTransient: () => false,
    HardwareUuid: ({ device }) => device.aadId,
  },
};

const adapters: TableSpec = {
  name: "DeviceNetworkInfo",
  weight: 25,
  draw: reporting,
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

/** Weaknesses of the software on the devices. Not a time series: a constant of the world. */
export const vulnerabilities = [
  "CVE-2025-21298",
  "CVE-2025-29824",
  "CVE-2025-53770",
  "CVE-2026-20805",
] as const;

/** One row for each device and weakness it has, in the order of the devices. */
export function* softwareWeaknesses(cast: Cast): Generator<Readonly<Record<string, unknown>>> {
  for (const device of cast.devices) {
    for (const [index, cve] of vulnerabilities.entries()) {
      if (mix(cast.seed, device.id, cve) % 3 !== 0) continue;
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
        RecommendedSecurityUpdateId: `50${mix(cve) % 100_000}`,
        CveTags: [],
      };
    }
  }
}

/** Files, network, logons and the devices' own reports. */
export const activityTables: readonly TableSpec[] = [files, network, logons, devices, adapters];
