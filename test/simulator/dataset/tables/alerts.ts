/** Alerts and their evidence. Only scenarios emit them. */
import type { Cell, SimulatedEvent, TableSpec } from "../simulated-event.ts";
import { drawGuid, mixBits } from "../random.ts";

const rejectDraw = (): SimulatedEvent => {
  throw new Error("alerts come from stories");
};

/**
 * The scenario's alert: `subject` is its title, `commandLine` category, severity and techniques,
 * separated by bars.
 */
const readField =
  (index: number): Cell =>
  ({ commandLine }) =>
    commandLine.split("|")[index] ?? "";

const alertId: Cell = ({ subject, device, bits }) =>
  `da${drawGuid(mixBits(subject, device.id, bits))}_1`;

const shared: Readonly<Record<string, Cell>> = {
  Timestamp: (_, at) => at,
  AlertId: alertId,
  Title: ({ subject }) => subject,
  Severity: readField(1),
  AttackTechniques: readField(2),
  ServiceSource: () => "Microsoft Defender for Endpoint",
  DetectionSource: () => "EDR",
};

export const alertTables: readonly TableSpec[] = [
  { name: "AlertInfo", weight: 0, draw: rejectDraw, cells: { ...shared, Category: readField(0) } },
  {
    name: "AlertEvidence",
    weight: 0,
    draw: rejectDraw,
    cells: {
      ...shared,
      Categories: (alert, at) => JSON.stringify([readField(0)(alert, at)]),
      EntityType: ({ action }) => action,
      EvidenceRole: ({ action }) => (action === "File" ? "Related" : "Impacted"),
      DeviceId: ({ device }) => device.id,
      DeviceName: ({ device }) => device.name,
      AccountName: ({ user }) => user.name,
      AccountDomain: ({ user }) => user.domain,
      AccountSid: ({ user }) => user.sid,
      AccountObjectId: ({ user }) => user.objectId,
      AccountUpn: ({ user }) => user.upn,
      FileName: ({ action, file }) => (action === "File" ? file.name : ""),
      FolderPath: ({ action, file }) => (action === "File" ? file.folder : ""),
      SHA1: ({ action, file }) => (action === "File" ? file.sha1 : ""),
      SHA256: ({ action, file }) => (action === "File" ? file.sha256 : ""),
      FileSize: ({ action, file }) => (action === "File" ? file.size : null),
      AdditionalFields: ({ action }) => JSON.stringify({ Type: action }),
    },
  },
];
