/** Tables of accounts: sign-ins, activity in cloud apps, identities. */
import { msFromTicks, formatInstant } from "../../../../shared/runtime/time.ts";
import type { Organization } from "../entities.ts";
import type { Cell, TableSpec } from "../simulated-event.ts";
import { drawGuid, mixBits, type Random } from "../random.ts";
import { emptyFields, drawOrdinaryEvent } from "./process.ts";

const reportId: Cell = ({ bits }, at) => `${drawGuid(bits)}_${mixBits(bits, msFromTicks(at))}`;

const agents = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Edg/131.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
  "Microsoft Office/16.0 (Windows NT 10.0; Outlook 16.0)",
];

/** Applications with their ids in Defender for Cloud Apps. */
const applications = [
  ["Microsoft Exchange Online", 20893],
  ["Microsoft SharePoint Online", 20892],
  ["Microsoft Teams", 28375],
  ["Microsoft OneDrive for Business", 15600],
  ["Office 365", 11161],
] as const;

const cloudActions = [
  "FileAccessed",
  "MailItemsAccessed",
  "FileDownloaded",
  "MessageSent",
  "FileModified",
  "UserLoggedIn",
  "FileUploaded",
  "New-InboxRule",
  "Add member to role.",
];

/** Country and city of an event: the user's own unless a scenario sets them. */
const readCountry: Cell = ({ user }) => user.country;
const readCity: Cell = ({ user }) => user.city;

function drawPerson(random: Random, organization: Organization): ReturnType<TableSpec["draw"]> {
  const event = drawOrdinaryEvent(random, organization);
  const user = random.pick(organization.users);
  return {
    ...emptyFields,
    ...event,
    user,
    action: "",
    file: event.by,
    remoteIp: user.ip,
    remotePort: 443,
  };
}

const logons: TableSpec = {
  name: "IdentityLogonEvents",
  weight: 14,
  draw: (random, organization) => ({
    ...drawPerson(random, organization),
    action: random.chance(0.05) ? "LogonFailed" : "LogonSuccess",
    subject: random.pickSkewed(["Active Directory", "Microsoft 365"]),
  }),
  cells: {
    Timestamp: (_, at) => at,
    ActionType: ({ action }) => action,
    Application: ({ subject }) => subject,
    LogonType: ({ subject }) =>
      subject === "Active Directory" ? "Credentials validation" : "Interactive",
    Protocol: ({ subject }) => (subject === "Active Directory" ? "Kerberos" : "OAuth2:Authorize"),
    FailureReason: ({ action }) => (action === "LogonFailed" ? "WrongPassword" : ""),
    AccountName: ({ user }) => user.name,
    AccountDomain: ({ user }) => user.domain,
    AccountUpn: ({ user }) => user.upn,
    AccountSid: ({ user }) => user.sid,
    AccountObjectId: ({ user }) => user.objectId,
    AccountDisplayName: ({ user }) => user.display,
    DeviceName: ({ device }) => device.name,
    DeviceType: ({ device }) => device.kind,
    OSPlatform: ({ device }) => device.osPlatform,
    IPAddress: ({ remoteIp }) => remoteIp,
    Port: ({ remotePort }) => remotePort,
    DestinationDeviceName: () => "dc-01.contoso.com",
    DestinationIPAddress: () => "10.20.0.2",
    DestinationPort: () => 88,
    Location: readCountry,
    ReportId: reportId,
    AdditionalFields: ({ bits }) => ({
      AttackTechniques: "",
      SourceComputerOperatingSystem: "Windows",
      SequenceNumber: bits % 1000,
    }),
  },
};

const people: TableSpec = {
  name: "IdentityInfo",
  weight: 4,
  draw: (random, organization, index) => ({
    ...drawPerson(random, organization),
    user: organization.users[index % organization.users.length] ?? random.pick(organization.users),
  }),
  cells: {
    Timestamp: (_, at) => at,
    ReportId: reportId,
    AccountObjectId: ({ user }) => user.objectId,
    AccountUpn: ({ user }) => user.upn,
    OnPremSid: ({ user }) => user.sid,
    CloudSid: ({ user }) => `S-1-12-1-${mixBits(user.sid)}`,
    AccountDisplayName: ({ user }) => user.display,
    AccountName: ({ user }) => user.name,
    AccountDomain: ({ user }) => user.domain,
    Type: () => "User",
    GivenName: ({ user }) => user.display.split(" ")[0],
    Surname: ({ user }) => user.display.split(" ")[1],
    Department: ({ user }) => user.department,
    JobTitle: ({ user }) => user.title,
    EmailAddress: ({ user }) => user.upn,
    City: readCity,
    Country: readCountry,
    IsAccountEnabled: () => true,
    CompanyName: () => "Contoso",
    SourceSystem: () => "AzureActiveDirectory",
    TenantMembershipType: () => "Member",
    AssignedRoles: ({ user }) => (user.isAdmin ? ["Global Administrator"] : []),
    GroupMembership: ({ user }) => [user.department],
    Tags: () => [],
  },
};

/** The record of the audit log behind an activity. */
const rawEvent: Cell = ({ action, user, remoteIp, bits, subject }, at) => ({
  CreationTime: formatInstant(at).slice(0, 19),
  Id: drawGuid(bits),
  Operation: action,
  UserId: user.upn,
  ClientIP: remoteIp,
  ResultStatus: "Succeeded",
  ObjectId: subject,
  Workload: "Exchange",
});

const activities: TableSpec = {
  name: "CloudAppEvents",
  weight: 35,
  draw: (random, organization) => ({
    ...drawPerson(random, organization),
    action: random.pickSkewed(cloudActions),
    subject: random.pick(organization.documents).name,
  }),
  cells: {
    Timestamp: (_, at) => at,
    ActionType: ({ action }) => action,
    Application: ({ bits }) => applicationOf(bits)[0],
    ApplicationId: ({ bits }) => applicationOf(bits)[1],
    AppInstanceId: () => 0,
    AccountObjectId: ({ user }) => user.objectId,
    AccountId: ({ user }) => user.objectId,
    AccountDisplayName: ({ user }) => user.display,
    AccountType: ({ user }) => (user.isAdmin ? "Admin" : "Regular"),
    IsAdminOperation: ({ action }) => action.startsWith("Add "),
    DeviceType: () => "Desktop",
    OSPlatform: ({ device }) => device.osPlatform,
    IPAddress: ({ remoteIp }) => remoteIp,
    IsAnonymousProxy: () => false,
    CountryCode: readCountry,
    City: readCity,
    Isp: ({ user }) => `${user.city} Telecom`,
    UserAgent: ({ bits }) => agents[bits % agents.length],
    ActivityType: ({ action }) => (action === "UserLoggedIn" ? "Logon" : "Basic"),
    ActivityObjects: ({ subject, user }) => [
      { Type: "File", Role: "Target object", Name: subject },
      { Type: "Account", Role: "Actor", Name: user.display, Id: user.objectId },
    ],
    ObjectName: ({ subject }) => subject,
    ObjectType: () => "File",
    ObjectId: ({ subject, user }) =>
      `https://contoso-my.sharepoint.com/personal/${user.name}/Documents/${subject}`,
    ReportId: reportId,
    IsExternalUser: () => false,
    IsImpersonated: () => false,
    IPTags: () => [],
    IPCategory: () => "Unspecified",
    UserAgentTags: () => [],
    RawEventData: rawEvent,
    AdditionalFields: () => ({}),
    UncommonForUser: () => [],
    AuditSource: () => "Defender for Cloud Apps app connector",
  },
};

const applicationOf = (bits: number): (typeof applications)[number] =>
  applications[(bits >>> 5) % applications.length] ?? applications[0];

const signIns: TableSpec = {
  name: "EntraIdSignInEvents",
  weight: 14,
  draw: (random, organization) => ({
    ...drawPerson(random, organization),
    action: random.chance(0.04) ? "50126" : "0",
    subject: random.pick(["Office 365", "Azure Portal", "Microsoft Teams"]),
  }),
  cells: {
    Timestamp: (_, at) => at,
    Application: ({ subject }) => subject,
    ApplicationId: ({ subject }) => drawGuid(mixBits(subject)),
    LogonType: () => '["interactiveUser"]',
    ErrorCode: ({ action }) => Number(action),
    CorrelationId: ({ bits }) => drawGuid(bits),
    RequestId: ({ bits }) => drawGuid(bits + 1),
    ReportId: reportId,
    SessionId: ({ bits }) => drawGuid(bits + 2),
    AccountDisplayName: ({ user }) => user.display,
    AccountObjectId: ({ user }) => user.objectId,
    AccountUpn: ({ user }) => user.upn,
    IsExternalUser: () => 0,
    IsGuestUser: () => false,
    ResourceDisplayName: ({ subject }) => subject,
    DeviceName: ({ device }) => device.name,
    EntraIdDeviceId: ({ device }) => device.aadId,
    OSPlatform: ({ device }) => device.osPlatform,
    DeviceTrustType: () => "Azure AD joined",
    IsManaged: ({ device }) => Number(device.kind === "Workstation"),
    IsCompliant: ({ device }) => Number(device.kind === "Workstation"),
    AuthenticationRequirement: ({ bits }) =>
      bits % 3 === 0 ? "singleFactorAuthentication" : "multiFactorAuthentication",
    UserAgent: ({ bits }) => agents[bits % agents.length],
    ClientAppUsed: () => "Browser",
    Browser: () => "Edge 131.0.0",
    IPAddress: ({ remoteIp }) => remoteIp,
    Country: readCountry,
    City: readCity,
    RiskState: () => 0,
  },
};

/** Sign-ins, cloud apps and people. */
export const identityTables: readonly TableSpec[] = [logons, people, activities, signIns];
