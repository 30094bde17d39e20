/** Mails with their attachments and links. */
import type { Organization } from "../entities.ts";
import type { Cell, SimulatedEvent, TableSpec } from "../simulated-event.ts";
import { drawGuid, mixBits, type Random } from "../random.ts";
import { emptyFields, drawOrdinaryEvent } from "./process.ts";

const senders = [
  "news@fabrikam.com",
  "billing@northwind.example",
  "hr@contoso.com",
  "no-reply@tailspin.example",
  "sales@adatum.example",
];
const subjects = [
  "Minutes of Monday",
  "Invoice 4711",
  "Your order has shipped",
  "Quarterly figures",
  "Lunch?",
  "Password expires soon",
];
const links = [
  "https://fabrikam.com/newsletter",
  "https://tailspin.example/track/77",
  "https://sites.example.net/login.php",
];

const messageId: Cell = ({ bits }) => drawGuid(mixBits(bits, "mail"));
const readSender: Cell = ({ byCommandLine }) => byCommandLine;
const domainOf = (address: string): string => address.split("@")[1] ?? "";

const hasAttachment = ({ bits }: SimulatedEvent): boolean => bits % 4 === 0;
const hasLink = ({ bits }: SimulatedEvent): boolean => bits % 3 !== 0;

function drawMail(random: Random, organization: Organization): SimulatedEvent {
  const event = drawOrdinaryEvent(random, organization);
  return {
    ...emptyFields,
    ...event,
    user: random.pick(organization.users),
    action: random.chance(0.05) ? "Phish" : random.chance(0.01) ? "Malware" : "",
    file: random.pickSkewed(organization.documents),
    byCommandLine: random.pickSkewed(senders),
    subject: random.pick(subjects),
    remoteIp: `192.0.2.${1 + random.below(200)}`,
  };
}

const shared: Readonly<Record<string, Cell>> = {
  Timestamp: (_, at) => at,
  NetworkMessageId: messageId,
};

const mails: TableSpec = {
  name: "EmailEvents",
  weight: 18,
  draw: drawMail,
  cells: {
    ...shared,
    InternetMessageId: ({ bits, byCommandLine }) =>
      `<${mixBits(bits, "id").toString(36)}@${domainOf(byCommandLine)}>`,
    SenderMailFromAddress: readSender,
    SenderFromAddress: readSender,
    SenderDisplayName: ({ byCommandLine }) => byCommandLine.split("@")[0],
    SenderMailFromDomain: ({ byCommandLine }) => domainOf(byCommandLine),
    SenderFromDomain: ({ byCommandLine }) => domainOf(byCommandLine),
    SenderIPv4: ({ remoteIp }) => remoteIp,
    RecipientEmailAddress: ({ user }) => user.upn,
    RecipientObjectId: ({ user }) => user.objectId,
    Subject: ({ subject }) => subject,
    // Real cluster ids use all 64 bits: more than a double can represent.
    EmailClusterId: ({ subject }) => 9_007_199_254_740_993n + BigInt(mixBits(subject)),
    EmailDirection: ({ byCommandLine }) =>
      byCommandLine.endsWith("@contoso.com") ? "Intra-org" : "Inbound",
    DeliveryAction: ({ action }) => (action === "" ? "Delivered" : "Blocked"),
    DeliveryLocation: ({ action }) => (action === "" ? "Inbox/folder" : "Quarantine"),
    LatestDeliveryLocation: ({ action }) => (action === "" ? "Inbox/folder" : "Quarantine"),
    LatestDeliveryAction: ({ action }) => (action === "" ? "Delivered" : "Blocked"),
    ThreatTypes: ({ action }) => action,
    DetectionMethods: ({ action }) =>
      action === "" ? "" : `{"${action}":["URL malicious reputation"]}`,
    ConfidenceLevel: ({ action }) => (action === "" ? "" : `{"${action}":"High"}`),
    BulkComplaintLevel: ({ bits }) => bits % 8,
    AuthenticationDetails: ({ action }) =>
      action === ""
        ? '{"SPF":"pass","DKIM":"pass","DMARC":"pass"}'
        : '{"SPF":"fail","DKIM":"none","DMARC":"fail"}',
    AttachmentCount: (mail) => (hasAttachment(mail) ? 1 : 0),
    UrlCount: (mail) => (hasLink(mail) ? 1 : 0),
    EmailLanguage: () => "en",
    ReportId: ({ bits }) => `${drawGuid(mixBits(bits, "mail"))}-${mixBits(bits, "report")}-1`,
  },
};

const attachments: TableSpec = {
  name: "EmailAttachmentInfo",
  weight: 0,
  draw: drawMail,
  follows: { table: "EmailEvents", when: hasAttachment },
  cells: {
    ...shared,
    SenderFromAddress: readSender,
    SenderDisplayName: ({ byCommandLine }) => byCommandLine.split("@")[0],
    RecipientEmailAddress: ({ user }) => user.upn,
    RecipientObjectId: ({ user }) => user.objectId,
    FileName: ({ file }) => file.name,
    FileType: ({ file }) => file.name.split(".").at(-1),
    SHA256: ({ file }) => file.sha256,
    FileSize: ({ file }) => file.size,
    ThreatTypes: ({ action }) => action,
    ReportId: ({ bits }) => `${drawGuid(mixBits(bits, "mail"))}-${mixBits(bits, "report")}-2`,
  },
};

const urls: TableSpec = {
  name: "EmailUrlInfo",
  weight: 0,
  draw: drawMail,
  follows: { table: "EmailEvents", when: hasLink },
  cells: {
    ...shared,
    Url: ({ bits }) => links[bits % links.length],
    UrlDomain: ({ bits }) => new URL(links[bits % links.length] ?? "https://example.net").hostname,
    UrlLocation: () => "Body",
    ReportId: ({ bits }) => `${drawGuid(mixBits(bits, "mail"))}-${mixBits(bits, "report")}-3`,
  },
};

/** Mails, attachments, links. */
export const mailTables: readonly TableSpec[] = [mails, attachments, urls];
