/** Users and devices of the organization. */
import { createRandom, drawGuid, drawHex, mixBits } from "./random.ts";
import type { Device, User } from "./entities.ts";

const firstNames = [
  "Ada",
  "Bram",
  "Chiara",
  "Dmitri",
  "Elif",
  "Femi",
  "Greta",
  "Hugo",
  "Imani",
  "Jonas",
  "Keiko",
  "Lars",
  "Mina",
  "Noor",
  "Otto",
  "Priya",
  "Quinn",
  "Rosa",
  "Sven",
  "Tala",
];
const lastNames = [
  "Abt",
  "Bauer",
  "Castro",
  "Dahl",
  "Evans",
  "Fischer",
  "Gupta",
  "Haas",
  "Ito",
  "Jansen",
  "Kowalski",
  "Lund",
  "Moreau",
  "Novak",
  "Okafor",
  "Peretz",
  "Quist",
  "Rossi",
  "Silva",
  "Tanaka",
];
const cities = [
  ["Zurich", "CH"],
  ["Hamburg", "DE"],
  ["Lyon", "FR"],
  ["Utrecht", "NL"],
  ["Leeds", "GB"],
] as const;
const departments = ["Finance", "Sales", "Engineering", "Legal", "Operations", "IT"];
const systems = [
  { osPlatform: "Windows11", osVersion: "23H2", osBuild: 22631n, kind: "Workstation", stem: "ws" },
  { osPlatform: "Windows10", osVersion: "22H2", osBuild: 19045n, kind: "Workstation", stem: "ws" },
  { osPlatform: "Windows11", osVersion: "24H2", osBuild: 26100n, kind: "Workstation", stem: "nb" },
  {
    osPlatform: "WindowsServer2022",
    osVersion: "21H2",
    osBuild: 20348n,
    kind: "Server",
    stem: "srv",
  },
  { osPlatform: "Linux", osVersion: "22.4", osBuild: 0n, kind: "Server", stem: "lx" },
] as const;

/** Draws `count` users; the last tenth are administrators. */
export function drawUsers(seed: number, domain: string, count: number): readonly User[] {
  const random = createRandom(mixBits(seed, "users"));
  return Array.from({ length: count }, (_, index): User => {
    const first = firstNames[index % firstNames.length] ?? "Ada";
    const last =
      lastNames[(index * 7 + Math.floor(index / firstNames.length)) % lastNames.length] ?? "Abt";
    const suffix =
      index < firstNames.length * lastNames.length ? "" : String(Math.floor(index / 400));
    const name = `${first[0] ?? ""}.${last}${suffix}`.toLowerCase();
    const [city, country] = random.pick(cities);
    return {
      name,
      domain: domain.split(".")[0] ?? domain,
      display: `${first} ${last}`,
      upn: `${name}@${domain}`,
      sid: `S-1-5-21-${mixBits(seed, "domain")}-${mixBits(seed, "forest")}-1004336348-${1100 + index}`,
      objectId: drawGuid(mixBits(seed, "user", index)),
      department: random.pick(departments),
      title: index >= count * 0.9 ? "Administrator" : "Specialist",
      city,
      country,
      ip: `198.51.100.${1 + random.below(250)}`,
      isAdmin: index >= count * 0.9,
    };
  });
}

/** Draws `count` devices and gives each its usual user. */
export function drawDevices(
  seed: number,
  domain: string,
  count: number,
  users: number,
): readonly Device[] {
  const random = createRandom(mixBits(seed, "devices"));
  return Array.from({ length: count }, (_, index): Device => {
    const { stem, ...system } = random.pickSkewed(systems);
    return {
      ...system,
      id: drawHex(mixBits(seed, "device", index), 40),
      name: `${stem}-${String(index + 1).padStart(4, "0")}.${domain}`,
      group: system.kind === "Server" ? "Servers" : "Clients",
      ip: `10.${Math.floor(index / 62_500) + 20}.${Math.floor(index / 250) % 250}.${(index % 250) + 2}`,
      publicIp: `203.0.113.${1 + random.below(20)}`,
      mac: drawHex(mixBits(seed, "mac", index), 12).toUpperCase(),
      aadId: drawGuid(mixBits(seed, "aad", index)),
      owner: users === 0 ? 0 : index % users,
    };
  });
}
