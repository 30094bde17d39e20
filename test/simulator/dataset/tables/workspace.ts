/** Tables of a Microsoft Sentinel workspace that the Defender portal includes. */
import { join } from "node:path";
import type { KqlType } from "../../../../shared/contracts/compiled-hunt.ts";
import { readDeclaredTables } from "../../../../shared/kql/compile/declared-tables.ts";
import type { Organization } from "../entities.ts";
import { drawGuid, type Random } from "../random.ts";
import type { Columns } from "../schema.ts";
import type { Cell, TableSpec } from "../simulated-event.ts";
import { simulatedWorkspaceId } from "../workspace-id.ts";
import { drawOrdinaryEvent, emptyFields, pathOf } from "./process.ts";

/** What every table of a workspace has. */
const workspaceCells = (table: string, source: string): Readonly<Record<string, Cell>> => ({
  TimeGenerated: (_, at) => at,
  TenantId: () => simulatedWorkspaceId,
  SourceSystem: () => source,
  Type: () => table,
});

/** A person at a device, and the program in use. */
function drawActor(random: Random, organization: Organization) {
  const event = drawOrdinaryEvent(random, organization);
  return { ...event, file: event.by };
}

const signIns: TableSpec = {
  name: "SigninLogs",
  weight: 14,
  draw: (random, organization) => {
    const user = random.pick(organization.users);
    return {
      ...emptyFields,
      ...drawActor(random, organization),
      user,
      action: random.chance(0.06) ? "50126" : "0",
      subject: random.pickSkewed(["Microsoft Teams", "Office 365 Exchange Online", "Azure Portal"]),
      remoteIp: user.ip,
    };
  },
  cells: {
    ...workspaceCells("SigninLogs", "Azure AD"),
    OperationName: () => "Sign-in activity",
    Category: () => "SignInLogs",
    ResultType: ({ action }) => action,
    ResultDescription: ({ action }) =>
      action === "0"
        ? ""
        : "Invalid username or password or Invalid on-premise username or password.",
    CorrelationId: ({ bits }) => drawGuid(bits),
    Identity: ({ user }) => user.display,
    Location: ({ user }) => user.country,
    AppDisplayName: ({ subject }) => subject,
    IPAddress: ({ remoteIp }) => remoteIp,
    UserDisplayName: ({ user }) => user.display,
    UserId: ({ user }) => user.objectId,
    UserPrincipalName: ({ user }) => user.upn,
  },
};

const securityEvents: TableSpec = {
  name: "SecurityEvent",
  weight: 60,
  draw: (random, organization) => ({
    ...emptyFields,
    ...drawActor(random, organization),
    action: random.pickSkewed(["4624", "4688", "4625", "4672"]),
  }),
  cells: {
    ...workspaceCells("SecurityEvent", "OpsManager"),
    Account: ({ user }) => `${user.domain}\\${user.name}`,
    AccountType: () => "User",
    Computer: ({ device }) => device.name,
    EventSourceName: () => "Microsoft-Windows-Security-Auditing",
    Channel: () => "Security",
    EventID: ({ action }) => Number(action),
    Activity: ({ action }) => `${action} - An event of the security log`,
    TargetAccount: ({ user }) => `${user.domain}\\${user.name}`,
    TargetUserName: ({ user }) => user.name,
    NewProcessName: ({ action, file }) => (action === "4688" ? pathOf(file) : ""),
    CommandLine: ({ action, commandLine }) => (action === "4688" ? commandLine : ""),
    IpAddress: ({ remoteIp }) => remoteIp,
  },
};

const officeActivity: TableSpec = {
  name: "OfficeActivity",
  weight: 12,
  draw: (random, organization) => ({
    ...emptyFields,
    ...drawActor(random, organization),
    action: random.pickSkewed(["FileAccessed", "FileDownloaded", "MailItemsAccessed"]),
  }),
  cells: {
    ...workspaceCells("OfficeActivity", "OfficeActivityManager"),
    RecordType: () => "SharePointFileOperation",
    Operation: ({ action }) => action,
    OfficeWorkload: ({ action }) => (action === "MailItemsAccessed" ? "Exchange" : "SharePoint"),
    UserId: ({ user }) => user.upn,
    ClientIP: ({ user }) => user.ip,
    ResultStatus: () => "Succeeded",
  },
};

/** Tables with generated rows. */
export const workspaceSpecs: readonly TableSpec[] = [signIns, securityEvents, officeActivity];

/** Tables that have only the rows that a test adds. */
const emptyTables = ["CommonSecurityLog", "Syslog"];

/** Reads the columns of the workspace's tables as Huntline declares them. */
export function readWorkspaceTables(): ReadonlyMap<string, Columns> {
  const catalog = join(import.meta.dirname, "../../../../shared/hunts/catalog");
  const { tables } = readDeclaredTables(catalog).schema;
  const names = [...workspaceSpecs.map(({ name }) => name), ...emptyTables];
  return new Map(
    names.map((name) => [
      name,
      Object.entries(tables[name] ?? {}).map(([column, type]) => ({
        name: column,
        type: type as KqlType,
      })),
    ]),
  );
}
