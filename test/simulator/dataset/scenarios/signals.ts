/** Scenarios of the network, of accounts and of mails. */
import { drawGuid } from "../random.ts";
import type { Scenario } from "./scenario.ts";

const minuteMs = 60_000;

const beacon: Scenario = {
  name: "a library calls home every minute",
  hours: 12,
  lengthMs: 40 * minuteMs,
  tables: ["DeviceNetworkEvents"],
  emit: ({ random, getFile, emit }) => {
    for (let minute = 0; minute < 30; minute += 1)
      emit("DeviceNetworkEvents", minute * minuteMs + random.below(1_500), {
        action: "ConnectionSuccess",
        by: getFile("rundll32.exe"),
        byCommandLine: String.raw`rundll32.exe C:\Users\Public\loader.dll,Start`,
        subject: "https://sync.telemetry-cdn.example/ping",
        remoteIp: "192.0.2.201",
        remotePort: 443,
      });
  },
};

const farLocations = [
  ["SG", "Singapore", "192.0.2.150"],
  ["BR", "Recife", "192.0.2.151"],
  ["AU", "Perth", "192.0.2.152"],
] as const;

/** Both sign-ins are in one hour, because the scenario begins at its start. */
const travel: Scenario = {
  name: "one account signs in from two ends of the world",
  hours: 12,
  lengthMs: 30 * minuteMs,
  tables: ["CloudAppEvents", "IdentityLogonEvents", "EntraIdSignInEvents"],
  emit: ({ random, user, emit }) => {
    const [country, city, address] = random.pick(farLocations);
    const places = [
      { ms: 0, set: {}, remoteIp: user.ip },
      {
        ms: 12 * minuteMs,
        set: {
          CountryCode: country,
          City: city,
          Country: country,
          Location: country,
          Isp: "Faraway Telecom",
          IPAddress: address,
        },
        remoteIp: address,
      },
    ];
    for (const { ms, set, remoteIp } of places) {
      emit("CloudAppEvents", ms, { action: "UserLoggedIn", remoteIp, remotePort: 443, set });
      emit("IdentityLogonEvents", ms + 900, {
        action: "LogonSuccess",
        subject: "Microsoft 365",
        remoteIp,
        remotePort: 443,
        set,
      });
      emit("EntraIdSignInEvents", ms + 700, { action: "0", subject: "Office 365", remoteIp, set });
    }
    emit("CloudAppEvents", 15 * minuteMs, {
      action: "New-InboxRule",
      subject: "..",
      remoteIp: address,
      set: { CountryCode: country, City: city },
    });
  },
};

const spray: Scenario = {
  name: "one address tries one password on everybody",
  hours: 24,
  lengthMs: 10 * minuteMs,
  tables: ["DeviceLogonEvents"],
  emit: ({ organization, getFile, emit }) => {
    for (const [index, user] of organization.users.slice(0, 60).entries())
      emit("DeviceLogonEvents", index * 4_000, {
        action: index === 37 ? "LogonSuccess" : "LogonFailed",
        by: getFile("lsass.exe"),
        subject: "Network",
        remoteIp: "192.0.2.77",
        user,
        set: { RemoteIPType: "Public", RemotePort: 50_000 + index },
      });
  },
};

const phish: Scenario = {
  name: "the same mail reaches many people",
  hours: 8,
  lengthMs: 10 * minuteMs,
  tables: ["EmailEvents", "EmailUrlInfo", "EmailAttachmentInfo"],
  emit: ({ organization, random, getFile, emit }) => {
    const link = `https://login.contoso-secure.example/${drawGuid(random.nextBits()).slice(0, 8)}`;
    for (const [index, user] of organization.users.slice(0, 12).entries()) {
      const line = {
        action: index < 4 ? "" : "Phish",
        file: getFile("invoice.docm"),
        byCommandLine: "accounts@contoso-secure.example",
        subject: "Your mailbox is full",
        remoteIp: "192.0.2.99",
        user,
        bits: random.nextBits(),
      };
      emit("EmailEvents", index * 800, { ...line, set: { AttachmentCount: 1, UrlCount: 1 } });
      emit("EmailUrlInfo", index * 800, {
        ...line,
        set: { Url: link, UrlDomain: "login.contoso-secure.example" },
      });
      emit("EmailAttachmentInfo", index * 800, line);
    }
  },
};

/** Scenarios that are not on devices. */
export const signals: readonly Scenario[] = [beacon, travel, spray, phish];
