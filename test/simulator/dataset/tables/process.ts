/** Tables of device processes: processes, images, registry, other events. */
import type { Organization, Device, KnownFile, User } from "../entities.ts";
import type { Cell, SimulatedEvent, TableSpec } from "../simulated-event.ts";
import { mixBits, type Random } from "../random.ts";

const toProcessId = (bits: number): bigint => BigInt(400 + (bits % 30_000));

/** The device and the two columns that every device table starts with. */
export const deviceCells: Readonly<Record<string, Cell>> = {
  Timestamp: (_, at) => at,
  DeviceId: ({ device }) => device.id,
  DeviceName: ({ device }) => device.name,
  ActionType: ({ action }) => action,
  ReportId: ({ bits }) => BigInt(bits),
};

/** The initiating process: the columns that most device tables share. */
export const initiatingCells: Readonly<Record<string, Cell>> = {
  InitiatingProcessAccountDomain: ({ user }) => user.domain,
  InitiatingProcessAccountName: ({ user }) => user.name,
  InitiatingProcessAccountSid: ({ user }) => user.sid,
  InitiatingProcessAccountUpn: ({ user }) => user.upn,
  InitiatingProcessAccountObjectId: ({ user }) => user.objectId,
  InitiatingProcessLogonId: ({ bits }) => BigInt(bits % 9_999_991),
  InitiatingProcessIntegrityLevel: ({ user }) => (user.isAdmin ? "High" : "Medium"),
  InitiatingProcessTokenElevation: ({ user }) =>
    user.isAdmin ? "TokenElevationTypeFull" : "TokenElevationTypeLimited",
  InitiatingProcessSHA1: ({ by }) => by.sha1,
  InitiatingProcessSHA256: ({ by }) => by.sha256,
  InitiatingProcessMD5: ({ by }) => by.md5,
  InitiatingProcessFileName: ({ by }) => by.name,
  InitiatingProcessFileSize: ({ by }) => by.size,
  InitiatingProcessFolderPath: ({ by }) => pathOf(by).toLowerCase(),
  InitiatingProcessVersionInfoCompanyName: ({ by }) => by.company,
  InitiatingProcessVersionInfoProductName: ({ by }) => by.product,
  InitiatingProcessVersionInfoProductVersion: ({ by }) => by.version,
  InitiatingProcessVersionInfoInternalFileName: ({ by }) => by.originalName,
  InitiatingProcessVersionInfoOriginalFileName: ({ by }) => by.originalName,
  InitiatingProcessVersionInfoFileDescription: ({ by }) => by.description,
  InitiatingProcessId: ({ bits }) => toProcessId(bits >>> 3),
  InitiatingProcessCommandLine: ({ byCommandLine }) => byCommandLine,
  InitiatingProcessCreationTime: ({ bits }, at) => at - BigInt(bits % 600_000_000),
  InitiatingProcessParentId: ({ bits }) => toProcessId(bits >>> 7),
  InitiatingProcessParentFileName: ({ byParent }) => byParent.name,
  InitiatingProcessParentCreationTime: ({ bits }, at) => at - 6_000_000_000n - BigInt(bits),
  InitiatingProcessSignerType: ({ by }) => (by.isMicrosoft ? "OsVendor" : ""),
  InitiatingProcessSignatureStatus: ({ by }) => (by.signer === "" ? "Unsigned" : "Valid"),
  InitiatingProcessSessionId: () => 1n,
  IsInitiatingProcessRemoteSession: () => false,
  InitiatingProcessUniqueId: ({ bits }) => String(BigInt(bits) * 7919n),
};

/** The file that the event is about. */
export const fileCells: Readonly<Record<string, Cell>> = {
  FileName: ({ file }) => file.name,
  FolderPath: ({ file }) => pathOf(file),
  SHA1: ({ file }) => file.sha1,
  SHA256: ({ file }) => file.sha256,
  MD5: ({ file }) => file.md5,
  FileSize: ({ file }) => file.size,
};

const paths = new WeakMap<KnownFile, string>();

/** Folder and name. */
export function pathOf(file: KnownFile): string {
  const cached = paths.get(file);
  if (cached !== undefined) return cached;
  const path = file.folder.startsWith("/")
    ? `${file.folder}/${file.name}`
    : `${file.folder}\\${file.name}`;
  paths.set(file, path);
  return path;
}

/** Benign arguments, by program. */
const quietArguments: Readonly<Record<string, readonly string[]>> = {
  "svchost.exe": ["-k netsvcs -p -s Schedule", "-k LocalService -p", "-k netsvcs -p -s wuauserv"],
  "chrome.exe": [
    "--type=renderer --lang=en-GB",
    "--type=utility --utility-sub-type=network.mojom.NetworkService",
  ],
  "powershell.exe": [
    "-NoProfile -File C:\\Scripts\\inventory.ps1",
    "-ExecutionPolicy RemoteSigned -File C:\\Scripts\\backup.ps1",
  ],
  "cmd.exe": ["/c dir", "/c ver", '/c "C:\\Scripts\\logon.cmd"'],
  "rundll32.exe": ["shell32.dll,Control_RunDLL desk.cpl", "printui.dll,PrintUIEntry /in"],
  "schtasks.exe": ["/query /fo LIST"],
  "net.exe": ["use", "time", "view"],
  "msiexec.exe": ["/V", "/i C:\\Deploy\\agent.msi /qn"],
};

/** A plausible command line for a program. */
function drawCommandLine(random: Random, file: KnownFile): string {
  const knownArguments = quietArguments[file.name];
  const program = file.folder.startsWith("/") ? file.name : `"${pathOf(file)}"`;
  return knownArguments === undefined ? program : `${program} ${random.pick(knownArguments)}`;
}

const windowsPrograms = new WeakMap<Organization, readonly KnownFile[]>();
const linuxPrograms = new WeakMap<Organization, readonly KnownFile[]>();

/** Programs that run on the device's system. */
function listPrograms(organization: Organization, { osPlatform }: Device): readonly KnownFile[] {
  const isLinux = osPlatform === "Linux";
  const cached = isLinux ? linuxPrograms : windowsPrograms;
  const programs =
    cached.get(organization) ??
    organization.programs.filter(({ folder }) => folder.startsWith("/") === isLinux);
  cached.set(organization, programs);
  return programs;
}

const parents = ["explorer.exe", "services.exe", "svchost.exe", "taskhostw.exe"];

/** Benign parent processes: never Office, so that a hunt for it finds only scenarios. */
function pickQuietParent(random: Random, organization: Organization, device: Device): KnownFile {
  return organization.getFile(device.osPlatform === "Linux" ? "sshd" : random.pick(parents));
}

/** Device, user and the chain of processes of an ordinary event. */
export function drawOrdinaryEvent(
  random: Random,
  organization: Organization,
): Pick<SimulatedEvent, "device" | "user" | "by" | "byCommandLine" | "byParent" | "bits"> {
  const device: Device = random.pick(organization.devices);
  const user: User = organization.users[device.owner] ?? random.pick(organization.users);
  const by = random.pickSkewed(listPrograms(organization, device));
  return {
    device,
    user,
    by,
    byCommandLine: drawCommandLine(random, by),
    byParent: pickQuietParent(random, organization, device),
    bits: random.nextBits(),
  };
}

/** Values that are empty in events of other kinds. */
export const emptyFields = { commandLine: "", subject: "", remoteIp: "", remotePort: 0 } as const;

const processes: TableSpec = {
  name: "DeviceProcessEvents",
  weight: 100,
  draw: (random, organization) => {
    const event = drawOrdinaryEvent(random, organization);
    const file = random.pickSkewed(listPrograms(organization, event.device));
    // An ordinary process and its parent are drawn from the same list.
    const by = event.byParent;
    return {
      ...emptyFields,
      ...event,
      by,
      byCommandLine: by.name,
      action: "ProcessCreated",
      file,
      commandLine: drawCommandLine(random, file),
    };
  },
  cells: {
    ...deviceCells,
    ...initiatingCells,
    ...fileCells,
    ProcessVersionInfoCompanyName: ({ file }) => file.company,
    ProcessVersionInfoProductName: ({ file }) => file.product,
    ProcessVersionInfoProductVersion: ({ file }) => file.version,
    ProcessVersionInfoInternalFileName: ({ file }) => file.originalName,
    ProcessVersionInfoOriginalFileName: ({ file }) => file.originalName,
    ProcessVersionInfoFileDescription: ({ file }) => file.description,
    ProcessId: ({ bits }) => toProcessId(bits),
    ProcessCommandLine: (event) => event.commandLine,
    ProcessIntegrityLevel: ({ user }) => (user.isAdmin ? "High" : "Medium"),
    ProcessTokenElevation: ({ user }) =>
      user.isAdmin ? "TokenElevationTypeFull" : "TokenElevationTypeLimited",
    ProcessCreationTime: (_, at) => at,
    AccountDomain: ({ user }) => user.domain,
    AccountName: ({ user }) => user.name,
    AccountSid: ({ user }) => user.sid,
    AccountUpn: ({ user }) => user.upn,
    AccountObjectId: ({ user }) => user.objectId,
    LogonId: ({ bits }) => BigInt(bits % 9_999_991),
    CreatedProcessSessionId: () => 1n,
    IsProcessRemoteSession: () => false,
    ProcessUniqueId: ({ bits }) => String(BigInt(bits) * 7907n),
  },
};

const images: TableSpec = {
  name: "DeviceImageLoadEvents",
  weight: 60,
  draw: (random, organization) => ({
    ...emptyFields,
    ...drawOrdinaryEvent(random, organization),
    action: "ImageLoaded",
    file: random.pickSkewed(organization.libraries),
  }),
  cells: { ...deviceCells, ...initiatingCells, ...fileCells },
};

const registryKeys = [
  String.raw`HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run`,
  String.raw`HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\Tcpip\Parameters`,
  String.raw`HKEY_CURRENT_USER\SOFTWARE\Microsoft\Office\16.0\Word\Security`,
  String.raw`HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows Defender`,
];

const registry: TableSpec = {
  name: "DeviceRegistryEvents",
  weight: 30,
  draw: (random, organization) => {
    const action = random.pickSkewed([
      "RegistryValueSet",
      "RegistryKeyCreated",
      "RegistryValueDeleted",
    ]);
    return {
      ...emptyFields,
      ...drawOrdinaryEvent(random, organization),
      action,
      file: random.pickSkewed(organization.programs),
      subject: random.pick(registryKeys),
    };
  },
  cells: {
    ...deviceCells,
    ...initiatingCells,
    RegistryKey: ({ subject }) => subject,
    RegistryValueName: ({ action, bits }) =>
      action === "RegistryKeyCreated" ? "" : `Value${bits % 20}`,
    RegistryValueType: ({ action }) => (action === "RegistryValueSet" ? "String" : ""),
    RegistryValueData: ({ action, bits, commandLine }) =>
      commandLine === "" && action === "RegistryValueSet" ? String(bits % 256) : commandLine,
  },
};

const deviceActions = [
  "AntivirusScanCompleted",
  "PowerShellCommand",
  "ScheduledTaskUpdated",
  "DnsQueryResponse",
  "ServiceInstalled",
  "NamedPipeEvent",
  "OpenProcessApiCall",
  "UsbDriveMounted",
  "ScreenshotTaken",
  "BrowserLaunchedToOpenUrl",
];

const events: TableSpec = {
  name: "DeviceEvents",
  weight: 40,
  draw: (random, organization) => {
    const action = random.pickSkewed(deviceActions);
    return {
      ...emptyFields,
      ...drawOrdinaryEvent(random, organization),
      action,
      file: random.pickSkewed(organization.programs),
      subject: action === "BrowserLaunchedToOpenUrl" ? "https://intranet.contoso.com/" : "",
    };
  },
  cells: {
    ...deviceCells,
    ...initiatingCells,
    ...fileCells,
    AccountDomain: ({ user }) => user.domain,
    AccountName: ({ user }) => user.name,
    AccountSid: ({ user }) => user.sid,
    RemoteUrl: ({ subject }) => subject,
    RemoteIP: ({ remoteIp }) => remoteIp,
    ProcessCommandLine: (event) => event.commandLine,
    ProcessId: ({ bits }) => toProcessId(bits),
    AdditionalFields: ({ action, bits }) =>
      action === "PowerShellCommand"
        ? `{"Command":"Get-ChildItem"}`
        : `{"Sequence":${mixBits(bits, 1) % 1000}}`,
  },
};

/** Processes, images, registry and other device events. */
export const processTables: readonly TableSpec[] = [processes, images, registry, events];
